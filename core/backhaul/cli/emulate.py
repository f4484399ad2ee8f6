"""``backhaul emulate``: the providers' APIs on loopback, with made-up archives."""

import errno
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from backhaul.cli import completing, output
from backhaul.cli.common import command
from backhaul.cli.interrupts import interruptible
from backhaul.cli.writing import write_file
from backhaul.errors import ConfigError, ExitCode, PluginError
from backhaul.extras import how_to_install
from backhaul.testing.faults import Faults
from backhaul.testing.serve import emulator, emulators, wait_for

if TYPE_CHECKING:
    from backhaul.testing import Emulator  # needs werkzeug, an extra

log = logging.getLogger(__name__)
FIRST_PORT = 8480


Providers = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROVIDER",
        help="Providers to emulate; default: all that have an emulator.",
        autocompletion=completing.emulated,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="N",
        help=f"Port of the first API; the others use the ports after it. 0: any free port. Default:"
        f" {FIRST_PORT} and up, or any free port if one is taken.",
    ),
]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="FAULT",
        autocompletion=completing.faults,
        help="Fault to inject: 503:2, 429:5%, drop@*_00_10_*, ...; may be repeated.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the made-up data.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write a YAML file for the emulators to FILE."
    ),
]


@command
def emulate(
    providers: Providers = None,
    *,
    port: PortOption = None,
    fault: FaultOption = None,
    seed: SeedOption = 1,
    file: Output = None,
) -> int:
    """Serve the providers' APIs locally, with made-up data.

    Runs until Ctrl-C.

    Examples:
      backhaul emulate gnip-hpt -o try.yaml
      backhaul emulate --port 9000 --fault 503:2
    """
    stops: list[bool] = []
    faults = " ".join(fault or ()) or None
    with (
        interruptible(lambda: stops.append(True), note=False),
        serving(providers or (), port=port, faults=faults, seed=seed) as up,
    ):
        text = yaml_for(up)
        if file is not None:
            write_file(file, text, force=True)
            output.line(f"{file}; try: backhaul run {file}")
        else:
            output.each_line(text.splitlines())
        for one in up:
            output.line(f"# {one.provider}: {one.url} (files: {one.storage.url})")
            output.line(f"# export {_variable(one.provider)}={one.url}")
        output.line("# Press Ctrl-C to stop")
        output.flush()
        wait_for(stops)
    return ExitCode.OK


@contextmanager
def serving(
    providers: Sequence[str], *, port: int | None = None, faults: str | None = None, seed: int = 1
) -> "Iterator[list[Emulator]]":
    """Runs emulators while the context is active.

    Raises:
        PluginError: werkzeug is not installed, no provider has an emulator, or one cannot be loaded.
        ConfigError: unknown emulator, invalid fault, or port in use.
    """
    if find_spec("werkzeug") is None:
        raise PluginError(f"the emulators require werkzeug: {how_to_install('demo')}")

    _check_faults(faults)
    known = emulators()
    if not known:
        raise PluginError("no installed provider has an emulator")
    with ExitStack() as running:
        up = []
        for name in providers or known:
            number = _port(name, list(providers) or known, known, port)
            one = _start(name, number, may_move=port is None, faults=faults, seed=seed)
            running.callback(one.stop)
            up.append(one)
        yield up


def _check_faults(faults: str | None) -> None:
    try:
        Faults.parse(faults or "")
    except ValueError as error:
        raise ConfigError(f"--fault: {error}") from None


def yaml_for(up: "Sequence[Emulator]", **settings: Any) -> str:
    """A YAML file with a source and the example jobs of each emulator; ``settings``: more of them."""
    document: dict[str, Any] = {
        "version": 1,
        "settings": {"dest": "archive", "wait": "2m", **settings},
        "sources": {one.provider: one.source() for one in up},
        "jobs": {
            name: {"source": one.provider, **keys}
            for one in up
            for name, keys in one.jobs().items()
        },
    }
    return yaml.safe_dump(document, sort_keys=False)


def _port(name: str, asked: Sequence[str], known: Sequence[str], port: int | None) -> int:
    if port is None:  # a provider's port does not depend on which others run
        return FIRST_PORT + known.index(name) if name in known else 0
    return port + list(asked).index(name) if port else 0


def _start(name: str, port: int, *, may_move: bool, faults: str | None, seed: int) -> "Emulator":
    try:
        return emulator(name, seed=seed, faults=faults, port=port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if not may_move:
            raise ConfigError(
                f"--port: port {port} is already in use; use 0 for any free port"
            ) from None
    return emulator(name, seed=seed, faults=faults, port=0).start()


def _variable(provider: str) -> str:
    return f"BACKHAUL_EMULATOR_{provider.upper().replace('-', '_')}"

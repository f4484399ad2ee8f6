"""Runs emulators: ``python -m backhaul.testing.serve PROVIDER [--port N] [--fault TEXT]``.

Prints one JSON line per provider: ``{"provider", "url", "storage_url", "source", "jobs"}``.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from backhaul.errors import ConfigError, PluginError
from backhaul.hookspecs import EMULATORS
from backhaul.plugins.discovery import entry_points

if TYPE_CHECKING:
    from backhaul.testing.emulator import Emulator

_LOOK: Final = 0.2  # seconds between checks for a signal


def emulators() -> list[str]:
    """Names of the providers that have an emulator."""
    return sorted(entry_points(EMULATORS))


def emulator(name: str, **settings: Any) -> "Emulator":
    """Creates a provider's emulator without starting it.

    Raises:
        ConfigError: there is no such emulator.
        PluginError: it cannot be loaded or created.
    """
    points = entry_points(EMULATORS)
    if name not in points:
        raise ConfigError(f"no emulator for {name}; available: {', '.join(emulators())}")
    try:
        made: Emulator = points[name].load()(**settings)
    except Exception as error:
        raise PluginError(f"cannot load the emulator for {name}: {error}") from error
    return made


@contextmanager
def serve(
    names: Iterable[str],
    *,
    ports: Mapping[str, int] | None = None,
    faults: str | None = None,
    seed: int = 1,
    scale: Mapping[str, Any] | None = None,
) -> "Iterator[list[Emulator]]":
    """Runs emulators until the context is left.

    Args:
        names: providers; empty for all that have an emulator.
        ports: the API's port by provider; others get a free one.
        faults: faults as text, for each of them.
        seed: seed of the synthetic data.
        scale: further settings, for each of them.

    Raises:
        ConfigError: there is no such emulator, or a fault is invalid.
        PluginError: an emulator cannot be loaded.
        OSError: a port is in use.
    """
    with ExitStack() as running:
        made = []
        for name in tuple(names) or emulators():
            one = emulator(
                name, seed=seed, faults=faults, port=(ports or {}).get(name, 0), **(scale or {})
            )
            running.callback(one.stop)
            made.append(one.start())
        yield made


def describe(one: "Emulator") -> dict[str, Any]:
    """What a client needs to know about a running emulator."""
    return {
        "provider": one.provider,
        "url": one.url,
        "storage_url": one.storage.url,
        "source": one.source(),
        "jobs": one.jobs(),
    }


def wait_for(signals: Sized) -> None:
    """Returns soon after a signal handler has added to ``signals``."""
    # Not an Event: the handler would deadlock while this thread holds its lock. And not without a
    # timeout: a signal just before a blocking call does not interrupt it.
    while not len(signals):
        time.sleep(_LOOK)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m backhaul.testing.serve", description=__doc__)
    parser.add_argument("providers", nargs="*", metavar="PROVIDER")
    parser.add_argument("--port", type=int, default=0, help="API port of the first provider")
    parser.add_argument("--fault", action="append", default=[], metavar="TEXT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=JSON", help="an emulator setting"
    )
    options = parser.parse_args(arguments)
    stops: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stops.append(received))
    names = options.providers or emulators()
    try:
        with serve(
            names,
            ports={names[0]: options.port},
            faults=" ".join(options.fault) or None,
            seed=options.seed,
            scale={
                name: json.loads(value)
                for name, _, value in (s.partition("=") for s in options.set)
            },
        ) as running:
            for one in running:
                sys.stdout.write(json.dumps(describe(one), default=str) + "\n")
            sys.stdout.flush()
            wait_for(stops)
    except (ConfigError, PluginError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

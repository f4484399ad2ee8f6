"""``backhaul watch``: a running batch, seen from another terminal."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backhaul.cli import library, output
from backhaul.cli.common import Configs, JobNames, command
from backhaul.cli.look import look
from backhaul.errors import ExitCode

if TYPE_CHECKING:
    from backhaul.config import Config
    from backhaul.views.watched import Picture

_EVERY: Final = 1.0
_PLAIN_EVERY: Final = 10.0

_Once = Annotated[bool, typer.Option("--once", help="Show the current state and exit.")]


@command
def watch(configs: Configs, *, job: JobNames = None, once: _Once = False) -> int:
    """Watch a run from another terminal until it ends; makes no requests.

    Examples:
      backhaul watch hpt.yaml
      backhaul watch *.yaml --once
    """
    loaded = library.load_outline(configs)
    try:
        if output.is_terminal(output.Stdout.stream()) and not once:
            _live(loaded, job or ())
        else:
            _plain(loaded, job or (), once=once)
    except KeyboardInterrupt:
        return ExitCode.OK
    return ExitCode.OK


def _live(configs: "Sequence[Config]", only: Sequence[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.live import Live  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    stream = output.Stdout.stream()
    console = Console(file=stream, highlight=False, no_color=not output.colours(stream))
    drawn = look()  # before Live puts itself in stdout's place
    picture = _picture(configs, only, None)
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while True:
            shown = "\n".join(library.lines(picture, look=replace(drawn, width=console.width)))
            live.update(Text.from_ansi(shown, no_wrap=True), refresh=True)
            if not picture.held:
                break
            time.sleep(_EVERY)
            picture = _picture(configs, only, picture)


def _plain(configs: "Sequence[Config]", only: Sequence[str], *, once: bool) -> None:
    picture = _picture(configs, only, None)
    drawn = (
        look()
        if output.is_terminal(output.Stdout.stream())
        else library.Look(width=120, colours=output.colours(output.Stdout.stream()))
    )
    due = 0.0
    while True:
        over = once or not picture.held
        if over or time.monotonic() >= due:
            due = time.monotonic() + _PLAIN_EVERY
            for line in library.lines(picture, look=drawn):
                output.line(line)
            output.flush()
        if over:
            return
        time.sleep(_EVERY)
        picture = _picture(configs, only, picture)


def _picture(
    configs: "Sequence[Config]", only: Sequence[str], before: "Picture | None"
) -> "Picture":
    jobs = [
        library.watched(
            name=known.name, workspace=known.dest.workspace, row=known.row, ledger=known.ledger
        )
        for known in library.known_jobs(configs, only, again=before is not None)
    ]
    return library.Picture.after(before, jobs)

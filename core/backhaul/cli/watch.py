"""``backhaul watch``: a running batch, seen from another terminal."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backhaul.cli import library, output
from backhaul.cli.common import Configs, JobNames, command
from backhaul.cli.events import option, written
from backhaul.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backhaul.config import Config
    from backhaul.notify.event_log import EventLog
    from backhaul.views.watched import Picture

_EVERY: Final = 1.0
_PLAIN_EVERY: Final = 10.0

_Once = Annotated[bool, typer.Option("--once", help="Show the current state and exit.")]
_Events = Annotated[str | None, option("the display")]


@command
def watch(
    configs: Configs, *, job: JobNames = None, once: _Once = False, events: _Events = None
) -> int:
    """Watch a run from another terminal; makes no requests.

    Examples:
      backhaul watch hpt.yaml
      backhaul watch *.yaml --once
      backhaul watch hpt.yaml --events - | jq .seconds_left
    """
    loaded = library.load_outline(configs)
    pictures = _pictures(loaded, job or (), once=once)
    try:
        with written(events) as log:
            if log is not None:
                pictures = _logged(pictures, log)
            if events == "-":
                for _ in pictures:
                    pass
            elif output.is_terminal(output.Stdout.stream()) and not once:
                _live(pictures)
            else:
                _plain(pictures, once=once)
    except KeyboardInterrupt:
        return ExitCode.OK
    return ExitCode.OK


def _pictures(
    configs: "Sequence[Config]", only: Sequence[str], *, once: bool
) -> "Iterator[Picture]":
    """Yields a snapshot each second, the last one once no run is in progress."""
    picture = _picture(configs, only, None)
    yield picture
    while picture.held and not once:
        time.sleep(_EVERY)
        picture = _picture(configs, only, picture)
        yield picture


def _logged(pictures: "Iterator[Picture]", log: "EventLog") -> "Iterator[Picture]":
    progress = library.WatchedProgress()
    for picture in pictures:
        for event in progress.events(picture):
            log(event)
        yield picture


def _live(pictures: "Iterator[Picture]") -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.live import Live  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    stream = output.Stdout.stream()
    console = Console(file=stream, highlight=False, no_color=not output.colours(stream))
    drawn = output.look()  # before Live replaces stdout
    picture = next(pictures)  # a warning about the archive comes before the display
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        for each in chain([picture], pictures):
            lines = library.lines(each, look=replace(drawn, width=console.width))
            shown = "\n".join(map(output.shown, lines))
            live.update(Text.from_ansi(shown, no_wrap=True), refresh=True)


def _plain(pictures: "Iterator[Picture]", *, once: bool) -> None:
    drawn = (
        output.look()
        if output.is_terminal(output.Stdout.stream())
        else library.Look(width=120, colours=output.colours(output.Stdout.stream()))
    )
    due = 0.0
    for picture in pictures:
        if once or not picture.held or time.monotonic() >= due:
            due = time.monotonic() + _PLAIN_EVERY
            for line in library.lines(picture, look=drawn):
                output.line(line)
            output.flush()


def _picture(
    configs: "Sequence[Config]", only: Sequence[str], before: "Picture | None"
) -> "Picture":
    jobs = [
        library.watched(
            name=known.name,
            folder=library.url_of(known.dest, known.name),
            workspace=known.dest.workspace,
            row=known.row,
            ledger=known.ledger,
        )
        for known in library.known_jobs(configs, only, again=before is not None)
    ]
    return library.Picture.after(before, jobs)

"""``--events``: where the events of a run are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from backhaul.cli import library, output

if TYPE_CHECKING:
    from backhaul.notify.event_log import EventLog


def option(shown: str) -> Any:
    """The option ``--events``.

    Args:
        shown: what the command otherwise prints on stdout; left out if the events go there.
    """
    return typer.Option(
        metavar="FILE",
        help="Append events to FILE as JSON lines (see `backhaul schema --events`); - for stdout,"
        f" instead of {shown}.",
    )


@contextmanager
def written(name: str | None) -> "Iterator[EventLog | None]":
    """A listener that writes events as JSON lines; None without a name.

    Args:
        name: of the file; ``-`` for stdout.

    Raises:
        DiskError: it cannot be opened.
    """
    if name is None:
        yield None
        return
    file = library.EventFile(name, fd=_stdout() if name == "-" else None)
    with library.EventLog(file) as log:
        yield log


def _stdout() -> int:
    stream = output.Stdout.stream()
    output.flush()
    return os.dup(stream.fileno())

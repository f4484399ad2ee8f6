"""``--events``: where the events of a run are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backhaul.cli import library, output

if TYPE_CHECKING:
    from backhaul.notify.event_log import EventLog


@contextmanager
def written(name: str | None) -> "Iterator[EventLog | None]":
    """A listener that writes events as lines of JSON; None without a name.

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

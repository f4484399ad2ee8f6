"""A run's progress: bars on a terminal, otherwise a log line every ten seconds."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import backhaul
from backhaul.cli import output
from backhaul.wording import human, span

if TYPE_CHECKING:
    from backhaul import Event, Progress
    from backhaul.events import Listener

log = logging.getLogger("backhaul.progress")
_EVERY = 10.0


@contextmanager
def watching(*, quiet: bool) -> "Iterator[Listener | None]":
    """Provides the listener for the run's events."""
    if quiet:
        yield None
    elif output.is_terminal(sys.stderr):
        from backhaul.cli.bars import bars  # noqa: PLC0415 - rich is heavy

        with bars() as listener:
            yield listener
    else:
        yield _Lines()


class _Lines:
    files = False

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY
        self._last: dict[str, Progress] = {}

    def __call__(self, event: "Event") -> None:
        if isinstance(event, backhaul.JobEnded):
            self._last.pop(event.result.folder, None)
        elif isinstance(event, backhaul.Progress):
            self._last[event.folder] = event
            now = time.monotonic()
            if now >= self._next:
                self._next = now + _EVERY
                for each in self._last.values():
                    log.info("%s: %s", each.job, as_line(each))


def as_line(shot: "Progress") -> str:
    """Describes a job's progress."""
    of = f" of {shot.total:,}" if shot.total is not None else ""
    if shot.waiting:
        return f"{shot.waiting}: {shot.done:,}{of} files, {human(shot.bytes)}"
    failed = f", {shot.failed:,} failed" if shot.failed else ""
    left = f", {span(shot.seconds_left)} left" if shot.seconds_left is not None else ""
    rate = f"{human(shot.bytes)}, {human(shot.rate)}/s"
    return f"{shot.phase}: {shot.done:,}{of} files, {rate}{left}{failed}"

"""How far a run is: bars on a terminal, else a line in the log every ten seconds."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backhaul.cli import output
from backhaul.cli.snapshot import Snapshot, as_line

if TYPE_CHECKING:
    from backhaul.run.driver import Driver

log = logging.getLogger("backhaul.progress")
_EVERY = 10.0
_Tick = Callable[["Driver"], None]


@contextmanager
def watching(*, quiet: bool) -> Iterator[_Tick]:
    """Gives what the driver calls while it runs."""
    if quiet:
        yield lambda _: None
    elif output.is_terminal(sys.stderr):
        from backhaul.cli.bars import bars  # noqa: PLC0415 - rich is heavy

        with bars() as tick:
            yield tick
    else:
        yield _Lines()


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY

    def __call__(self, driver: "Driver") -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            for job in driver.all_jobs:
                if not job.ended:
                    log.info("%s: %s", job.spec.name, as_line(Snapshot(job, driver, now)))

"""The setting ``workers``: how many processes a run may have, and whether ``auto`` starts them."""

import os
import time
from typing import Final

MUCH: Final = 250  # minimum number of files for which ``auto`` prepares workers
_MOST: Final = 8  # of ``auto``
_LOOK: Final = 0.1  # seconds between checks
_BUSY: Final = 0.8  # of one core
_AHEAD: Final = 0.4  # minimum seconds of waiting work


def how_many(workers: str | int) -> int:
    """What the setting allows: ``auto`` is one per core, within limits."""
    return workers if isinstance(workers, int) else min(_MOST, _cores())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BacklogWatch:
    """Compares this process's CPU usage with the waiting work.

    Attributes:
        may_be_busy: this process was busy at the last check, or there was none yet.
    """

    def __init__(self) -> None:
        self.may_be_busy = True
        self._looked_at = self._cpu = 0.0
        self._finished = 0

    def pays(self, now: float, *, finished: int, waiting: int) -> bool:
        """Whether this process is busy and will be so for a while, so that workers would help.

        Args:
            now: monotonic time.
            finished: number of files it has finished so far.
            waiting: number of transfers that workers could carry out.
        """
        if now - self._looked_at < _LOOK:
            return False
        cpu = time.process_time()
        span = now - self._looked_at
        busy = (cpu - self._cpu) / span
        done = finished - self._finished
        first = not self._looked_at
        self._looked_at, self._cpu, self._finished = now, cpu, finished
        self.may_be_busy = first or busy > _BUSY
        return not first and self.may_be_busy and waiting > _AHEAD * done / span

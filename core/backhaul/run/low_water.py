"""The low-water mark: jobs pause before their disk is full, and continue once there is room again.

So that the ledger, and whoever else uses the disk, still can write.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backhaul.oserrors import describe
from backhaul.run.task import Task
from backhaul.storage.space import free
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.wording import human, span

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds between two looks at a disk
_BYTES = 16 << 20  # received bytes after which a look is taken earlier
_ABOVE = 16  # a job continues above the mark plus this part of it: not for a file or two only


@dataclass(slots=True)
class _Water:
    """What is known of one destination's disk.

    Attributes:
        free: bytes that were free at the last look.
        low: whether its jobs are held.
        since: since when a job has been waiting, which has been said; None: none has.
    """

    free: int = 0
    low: bool = False
    since: float | None = None
    next_look: float = 0.0
    next_bytes: int = 0


class LowWater:
    """Holds the jobs of each destination while its disk has too little room; on the driver's thread.

    A job that needs nothing more fetched comes to its end all the same.

    Args:
        engine: whose transfers are held.
        min_free: bytes that stay free on each destination's disk; 0: no mark.
        patience: seconds that are waited for room; 0: a job that needs it ends at once.
        trouble: told of a destination for which patience is over, and why.

    Attributes:
        every: seconds between two looks at a disk.
    """

    def __init__(
        self,
        engine: Dispatcher,
        *,
        min_free: int,
        patience: float,
        trouble: Callable[[Path, str], None],
    ) -> None:
        self.every = _EVERY
        self._engine = engine
        self._min_free = min_free
        self._patience = patience
        self._trouble = trouble
        self._waters: dict[Path, _Water] = {}

    def enter(self, task: Task) -> None:
        """A job begins; without room it is held from its first file on. Raises OSError."""
        if self._min_free:
            dest = task.spec.dest
            water = self._waters.setdefault(dest, _Water())
            if not water.low:
                self._look(dest, water, time.monotonic())
            task.disk.has_capacity.set()  # it may have been held when it was last under way
            if water.low:
                self._hold([task])

    def watch(self, tasks: Iterable[Task], now: float) -> None:
        """Looks at the disks when it is time, and holds jobs or lets them go on.

        Args:
            tasks: all of the run.
            now: monotonic time.
        """
        if not self._min_free:
            return
        by_dest: dict[Path, list[Task]] = {}
        for task in tasks:
            if task.job.begun and not (task.job.dead or task.job.ended):
                by_dest.setdefault(task.spec.dest, []).append(task)
        for dest, its in by_dest.items():
            water = self._waters.setdefault(dest, _Water())
            was_low = water.low
            try:
                if now >= water.next_look or self._engine.counters.bytes >= water.next_bytes:
                    self._look(dest, water, now)
            except OSError as error:
                self._trouble(dest, f"cannot be looked at: {describe(error, dest)}")
                continue
            if water.low:
                self._hold([task for task in its if task.disk.has_capacity.is_set()])
                self._wait(dest, water, its, now)
            elif was_low:
                self._go_on(dest, water, its, now)

    def _look(self, dest: Path, water: _Water, now: float) -> None:
        water.free = free(dest)
        water.next_look = now + self.every
        water.next_bytes = self._engine.counters.bytes + _BYTES
        enough = self._min_free + (self._min_free // _ABOVE if water.low else 0)
        water.low = water.free < enough

    def _hold(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            task.disk.has_capacity.clear()
        if tasks:
            self._engine.hold({task.key for task in tasks})

    def _wait(self, dest: Path, water: _Water, tasks: Sequence[Task], now: float) -> None:
        """Says that jobs wait, if any does; when that has lasted too long, they end."""
        held = self._engine.counters.held
        waiting = [task for task in tasks if task.disk.streams or held.get(task.key)]
        free, mark = human(water.free), human(self._min_free)
        for task in tasks:
            text = f"waiting for room: {free} free, below {mark}"
            task.disk.text = text if task in waiting else ""
        if not waiting:
            self._count(water, tasks, now)
            return
        text = f"{free} free, below min_free_space ({mark})"
        patience = span(self._patience)
        if water.since is None:
            water.since = now
            if self._patience:
                log.warning(
                    "%s: %s; waiting up to %s for room (disk_patience)", dest, text, patience
                )
        if now - water.since < self._patience:
            return
        if water.free >= self._min_free:  # not much above the mark, but nothing else will come
            water.low = False
            self._go_on(dest, water, tasks, now)
            return
        self._count(water, tasks, now)
        after = f", and none was freed within {patience} (disk_patience)" if self._patience else ""
        self._trouble(dest, f"{text}{after}")

    def _go_on(self, dest: Path, water: _Water, tasks: Sequence[Task], now: float) -> None:
        if water.since is not None:
            log.warning("%s: resuming, %s free", dest, human(water.free))
        self._count(water, tasks, now)
        for task in tasks:
            # Links may have expired meanwhile: that is no sign that fresh ones are of no use.
            task.progress += 1
            task.disk.has_capacity.set()
            self._engine.release(task.key)

    def _count(self, water: _Water, tasks: Sequence[Task], now: float) -> None:
        """A wait is over, if there was one: notes how long it took."""
        for task in tasks:
            task.disk.text = ""
            if water.since is not None:
                task.disk.seconds += now - max(water.since, task.job.started)
        water.since = None

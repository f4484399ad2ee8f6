"""The low-water mark: pauses jobs before their disk is full and resumes them when there is space.

Keeps enough space for the ledger and for other users of the disk.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from backhaul.oserrors import describe
from backhaul.run.task import Task
from backhaul.storage.location import Location
from backhaul.storage.workspace import free
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.wording import human, span

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds between disk checks
_BYTES = 16 << 20  # received bytes that trigger an earlier check
_ABOVE = 16  # jobs resume at the mark plus 1/16, not for just a file or two


class _DiskState:
    """State of one destination's disk.

    Attributes:
        free: free bytes at the last check.
        low: whether its jobs are paused.
        since: when a reported wait started; None if no job waits.
    """

    def __init__(self) -> None:
        self.free = 0
        self.low = False
        self.since: float | None = None
        self.next_look = 0.0
        self.next_bytes = 0


class LowWater:
    """Pauses the jobs of each destination while its disk is too full; on the driver's thread.

    A job that has nothing more to fetch ends regardless.

    Args:
        engine: pauses the transfers.
        min_free: bytes to keep free on each destination's disk; 0 for no limit.
        patience: seconds to wait for space; 0 ends a job that needs it immediately.
        trouble: called for a destination that has waited too long, with the reason.

    Attributes:
        every: seconds between disk checks.
    """

    def __init__(
        self,
        engine: Dispatcher,
        *,
        min_free: int,
        patience: float,
        trouble: Callable[[Location, str], None],
    ) -> None:
        self.every = _EVERY
        self._engine = engine
        self._min_free = min_free
        self._patience = patience
        self._trouble = trouble
        self._disks: dict[Location, _DiskState] = {}

    def enter(self, task: Task) -> None:
        """A job starts; if there is no space, it is paused before its first file. Raises OSError."""
        if self._min_free:
            dest = task.spec.dest
            state = self._disks.setdefault(dest, _DiskState())
            if not state.low:
                self._look(dest, state, time.monotonic())
            task.disk.has_capacity.set()  # it may have been paused in an earlier turn
            if state.low:
                self._hold([task])

    def watch(self, tasks: Iterable[Task], now: float) -> None:
        """Checks the disks when due, and pauses or resumes jobs.

        Args:
            tasks: all running jobs.
            now: monotonic time.
        """
        if not self._min_free:
            return
        by_dest: dict[Location, list[Task]] = {}
        for task in tasks:
            if task.job.begun and not (task.job.dead or task.job.ended):
                by_dest.setdefault(task.spec.dest, []).append(task)
        for dest, its in by_dest.items():
            state = self._disks.setdefault(dest, _DiskState())
            was_low = state.low
            try:
                if now >= state.next_look or self._engine.counters.bytes >= state.next_bytes:
                    self._look(dest, state, now)
            except OSError as error:
                self._trouble(dest, f"cannot check free space: {describe(error, dest.disk)}")
                continue
            if state.low:
                self._hold([task for task in its if task.disk.has_capacity.is_set()])
                self._wait(dest, state, its, now)
            elif was_low:
                self._resume(dest, state, its, now)

    def _look(self, dest: Location, state: _DiskState, now: float) -> None:
        state.free = free(dest.disk)
        state.next_look = now + self.every
        state.next_bytes = self._engine.counters.bytes + _BYTES
        enough = self._min_free + (self._min_free // _ABOVE if state.low else 0)
        state.low = state.free < enough

    def _hold(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            task.disk.has_capacity.clear()
        if tasks:
            self._engine.hold({task.key for task in tasks})

    def _wait(self, dest: Location, state: _DiskState, tasks: Sequence[Task], now: float) -> None:
        """Reports that jobs are waiting, if any are; ends them after too long a wait."""
        held = self._engine.counters.held
        waiting = [task for task in tasks if task.disk.streams or held.get(task.key)]
        free, mark = human(state.free), human(self._min_free)
        for task in tasks:
            text = f"waiting for disk space: {free} free, below {mark}"
            task.disk.text = text if task in waiting else ""
        if not waiting:
            self._count(state, tasks, now)
            return
        text = f"{free} free, below min_free_space ({mark})"
        patience = span(self._patience)
        if state.since is None:
            state.since = now
            if self._patience:
                log.warning(
                    "%s: %s; waiting up to %s for free space (disk_patience)", dest, text, patience
                )
        if now - state.since < self._patience:
            return
        if state.free >= self._min_free:  # not far above the mark, but it will not improve
            state.low = False
            self._resume(dest, state, tasks, now)
            return
        self._count(state, tasks, now)
        after = f", and none was freed within {patience} (disk_patience)" if self._patience else ""
        self._trouble(dest, f"{text}{after}")

    def _resume(self, dest: Location, state: _DiskState, tasks: Sequence[Task], now: float) -> None:
        if state.since is not None:
            log.warning("%s: resuming, %s free", dest, human(state.free))
        self._count(state, tasks, now)
        for task in tasks:
            # Links may have expired in the meantime: that does not mean that renewing is pointless.
            task.progress += 1
            task.disk.has_capacity.set()
            self._engine.release(task.key)

    def _count(self, state: _DiskState, tasks: Sequence[Task], now: float) -> None:
        """Ends a wait, if there is one, and records its duration."""
        for task in tasks:
            task.disk.text = ""
            if state.since is not None:
                task.disk.seconds += now - max(state.since, task.job.started)
        state.since = None

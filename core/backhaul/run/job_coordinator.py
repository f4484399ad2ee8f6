"""What the job's thread says, and what the driver makes of it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import ConfigError, DiskError, FailureKind
from backhaul.foreign import line
from backhaul.oserrors import describe
from backhaul.run import identity, renamed
from backhaul.run.accept import Wanted, accept
from backhaul.run.doubt import UNREAD
from backhaul.run.job import Job
from backhaul.run.ledgers import Ledgers
from backhaul.run.low_water import LowWater
from backhaul.run.stale_parts import remove_stale_parts
from backhaul.run.start_barrier import StartBarrier
from backhaul.run.task import Task
from backhaul.run.turns import Turns
from backhaul.run.unlisted import note_unlisted, save_absent
from backhaul.storage.job import explain, remove_empty
from backhaul.storage.place import MovedError
from backhaul.transfer.context import JobContext
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.transfer.failures import SKEW
from backhaul.transfer.unit import Transfer
from backhaul.types import JobState, JobStatus, RemoteFile

log = logging.getLogger(__name__)

ROOM = 2048  # transfers of one job that may wait; its listing pauses above


class JobCoordinator:
    """Takes a job from its first status to its thread's end; on the driver's thread.

    Args:
        under_way: the jobs that are, by key.
        engine, ledgers, low_water, barrier, turns: the driver's.
        context: what the transfers of a job need to know of it.
        durable: whether what is said to be here outlives a power cut.
        only_failed: nothing but what failed before is wanted.
        refresh: what is here is asked for again.
    """

    def __init__(
        self,
        under_way: Mapping[str, Task],
        *,
        engine: Dispatcher,
        context: Callable[[Task], JobContext],
        ledgers: Ledgers,
        low_water: LowWater,
        barrier: StartBarrier,
        turns: Turns,
        durable: bool,
        only_failed: bool,
        refresh: bool,
    ) -> None:
        self._under_way = under_way
        self._engine = engine
        self._ledgers = ledgers
        self._low_water = low_water
        self._barrier = barrier
        self._turns = turns
        self._context = context
        self._durable = durable
        self._only_failed = only_failed
        self._refresh = refresh

    def status(self, task: Task, status: JobStatus) -> None:
        """The provider said how far the job is.

        Raises:
            ConfigError: the files under the job's name are another archive's.
            LockedError: a run under the job's old name is under way.
        """
        identity.settle(task, status)
        status = replace(
            status,
            message=line(status.message),
            doubt=line(status.doubt),
            warnings=tuple(line(warning) for warning in status.warnings),
        )
        task.job.status = status
        for warning in status.warnings:
            task.warn(warning)
        _watch_clock(task)
        task.ledger.jobs.save_status(task.id, status)
        if status.state is JobState.READY or status.partial:
            # Its slots may be new ones: until the list is read whole, it says nothing of them.
            task.ledger.jobs.save_doubt(task.id, UNREAD)

    def not_ready(self, task: Task, status: JobStatus) -> None:
        """The job is not ready, and there is no more patience."""
        task.job.not_ready = True
        log.info("%s: not ready: %s", task.spec.name, status.message or status.state)

    def steps_back(self, task: Task, seconds: float) -> bool:
        """The job is not ready: whether it asks again later, since others wait for their turn."""
        if self._turns.crowded:
            task.job.turn.at = time.monotonic() + seconds
            task.job.turn.over = True
        return self._turns.crowded

    def over(self, task: Task, status: JobStatus) -> None:
        """The provider says that the job failed, or that its data is gone."""
        expired = status.state is JobState.EXPIRED
        kind = FailureKind.EXPIRED if expired else FailureKind.FAILED
        self.failed(task, kind, status.message or f"the provider says {status.state}")

    def failed(self, task: Task, kind: FailureKind, message: str) -> None:
        """The job as a whole cannot continue."""
        task.note(kind, message)
        task.job.dead = True
        self._barrier.came(task.job)

    def begin(self, task: Task, status: JobStatus) -> None:
        """The job is ready: its storage, its priority by expiry, and whether there is room."""
        spec = task.spec
        if status.expires is not None:
            task.priority = int(status.expires.timestamp())
        task.began = time.monotonic()
        try:
            task.ledger.check()
            task.open_storage(durable=self._durable)
            parts = dict(sorted(task.workspace.parts()))  # a sidecar's True comes last, and stays
            task.parts = {name for name, sidecar in parts.items() if sidecar}
            task.parts.difference_update(
                remove_stale_parts(task.ledger, task.id, task.storage, parts)
            )
            self._preflight(task, status)
            self._engine.begin(task.key, self._context(task))
            self._low_water.enter(task)
        except OSError as error:
            if is_scarce(error.errno):
                raise ScarceError from None
            raise DiskError(explain(error, spec.dest, spec.name)) from None

    def _preflight(self, task: Task, status: JobStatus) -> None:
        if status.totals is None or status.totals.bytes is None:
            return
        task.here_before = task.ledger.inventory.summary(task.id).bytes
        partly = sum(map(task.workspace.part_taken, task.parts))
        self._ledgers.preflight(task.spec.dest, status.totals.bytes - task.here_before - partly)

    def accept(self, task: Task, batch: Sequence[RemoteFile]) -> list[Wanted]:
        """A batch of the listing: says which files are wanted."""
        if task.destination.was_empty and not task.has_rows and not task.counts.listed:
            self._look_for_old_name(task, batch)
        return accept(task, batch, only_failed=self._only_failed, refresh=self._refresh)

    def _look_for_old_name(self, task: Task, batch: Sequence[RemoteFile]) -> None:
        if task.fingerprint is None:
            return
        try:
            way = renamed.way_on(task.ledger, task.spec, task.fingerprint, batch)
        except ConfigError:
            task.id = 0  # nothing of this name is to be concluded
            with suppress(OSError):
                remove_empty(task.destination)  # it would be in the way
            raise
        if way is not None:
            task.warn(way)

    def submit(self, task: Task, transfers: Sequence[Transfer]) -> None:
        """Transfers that can begin."""
        if task.stop.is_set() or task.job.dead:
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        if task.renew:  # their links are as old as those that were refused
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        self._engine.submit(transfers, partials=task.parts)
        if len(task.open) > ROOM:
            task.has_capacity.clear()

    def listed_whole(self, task: Task) -> list[Wanted]:
        """The provider has listed all that there is: what it lists no more is not waited for.

        Says which files may be on disk again though they were lost, and are to be looked at.
        """
        task.job.listed_whole = True
        return list(note_unlisted(task))

    def not_that(self, task: Task, file: RemoteFile) -> None:
        """Something is on disk in the place of a file that is listed no more, and is not that file."""
        row = task.ledger.files.get(task.id, file.name)
        if row is not None:
            save_absent(task, [(row, task.destination.size(row.name))])

    def listing_done(self, task: Task) -> None:
        """The thread waits for commands."""
        task.job.listing = False

    def moved(self, task: Task, error: MovedError) -> None:
        """The job's folder is not where it was when the job began: the job ends, all others continue."""
        self.end_at_once([task.job], FailureKind.DISK, describe(error))

    def end_at_once(self, jobs: Sequence[Job], kind: FailureKind, text: str) -> None:
        """Nothing more can be written for these jobs."""
        for job in jobs:
            if not job.dead:
                job.note(kind, text)
            job.dead = True
            task = self._under_way.get(job.key)
            if task is None:  # it waits for its turn
                job.ended = True
                continue
            task.stop.set()
            task.has_capacity.set()
        self._engine.stop_jobs({job.key for job in jobs})
        for job in jobs:
            if job.key in self._under_way:
                self._under_way[job.key].open.clear()

    def thread_ended(self, task: Task) -> None:
        """The job's thread is over."""
        task.job.listing = False
        task.thread_over = True
        if task.job.dead or task.stop.is_set():
            self._engine.withdraw(task.key)
            self._engine.forget(task.key)
            # Of what has begun or is verified, the outcome is still to come.
            task.open.intersection_update(self._engine.under_way(task.key))
        task.settle()


def _watch_clock(task: Task) -> None:
    offset = task.http.clock_offset
    if offset is not None and abs(offset) > SKEW:
        way = "ahead of" if offset > 0 else "behind"
        task.warn(
            f"this machine's clock is {abs(offset) / 60:.0f} minutes {way} the provider's: times"
            " of expiry are judged by the provider's"
        )

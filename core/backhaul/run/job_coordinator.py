"""Handles messages from a job's thread, on the driver's side."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import BackhaulError, ConfigError, DiskError, FailureKind, LockedError
from backhaul.foreign import line
from backhaul.oserrors import describe
from backhaul.run import identity, renamed
from backhaul.run.accept import Wanted, accept
from backhaul.run.doubt import UNREAD, UNSELECTED, has_new_slots
from backhaul.run.job import Job
from backhaul.run.ledgers import Ledgers
from backhaul.run.links import LinkRenewal
from backhaul.run.low_water import LowWater
from backhaul.run.stale_parts import remove_stale_parts
from backhaul.run.start_barrier import StartBarrier
from backhaul.run.task import Task
from backhaul.run.turns import Turns
from backhaul.run.unlisted import note_unlisted, save_absent
from backhaul.storage.away_parts import recover
from backhaul.storage.job import explain
from backhaul.storage.place import MovedError
from backhaul.transfer.context import JobContext
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.transfer.unit import SKEW, Transfer
from backhaul.types import JobState, JobStatus, RemoteFile

log = logging.getLogger(__name__)

ROOM = 2048  # maximum waiting transfers of one job; its listing pauses above


class JobCoordinator:
    """Controls a job from its first status to the end of its thread; on the driver's thread.

    Args:
        under_way: running jobs, by key.
        engine, ledgers, low_water, barrier, turns: the driver's.
        context: returns the context for a job's transfers.
        links: renews links.
        durable: whether present files must survive a power failure.
        only_failed: fetch only files that failed before.
        refresh: request present files again.
    """

    def __init__(
        self,
        under_way: Mapping[str, Task],
        *,
        engine: Dispatcher,
        context: Callable[[Task], JobContext],
        links: LinkRenewal,
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
        self._links = links
        self._durable = durable
        self._only_failed = only_failed
        self._refresh = refresh

    def status(self, task: Task, status: JobStatus) -> None:
        """Records the job's status from the provider.

        Raises:
            ConfigError: the files under the job's name belong to another archive.
            LockedError: a run under the job's old name is active.
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
        before = task.ledger.jobs.get(task.spec.name)
        task.ledger.jobs.save_status(task.id, status)
        if status.state is JobState.READY or status.partial:
            # Its slots may be new: nothing is known about them until the listing is complete.
            if task.spec.selection.is_all:
                task.ledger.jobs.save_doubt(task.id, UNREAD)
            elif before is not None and has_new_slots(before, status):
                task.ledger.jobs.save_doubt(task.id, UNSELECTED)

    def not_ready(self, task: Task, status: JobStatus) -> None:
        """The job is not ready, and the wait is over."""
        task.job.not_ready = True
        log.info("%s: not ready: %s", task.spec.name, status.message or status.state)

    def steps_back(self, task: Task, seconds: float) -> bool:
        """Whether a job that is not ready gives way to others and asks again later."""
        if self._turns.has_waiting_jobs:
            task.job.turn.at = time.monotonic() + seconds
            task.job.turn.over = True
        return self._turns.has_waiting_jobs

    def advance(self, task: Task) -> None:
        """Continues a job whose listing round is over."""
        if len(task.open) < ROOM // 2 and not task.has_capacity.is_set():
            task.has_capacity.set()
        job = task.job
        if job.listing or task.open or job.streams:
            return
        if not job.ending and self._links.listing_round_over(task):
            self._ledgers.flush()
            task.next_listing_round()
            return
        if not job.ending:
            job.ending = True
            self._engine.forget(task.key)
            task.commands.put("end")
        elif task.thread_over:
            task.settle()

    def over(self, task: Task, status: JobStatus) -> None:
        """The provider says that the job failed or that its data is gone."""
        expired = status.state is JobState.EXPIRED
        kind = FailureKind.EXPIRED if expired else FailureKind.FAILED
        self.failed(task, kind, status.message or f"provider reports state {status.state}")

    def failed(self, task: Task, kind: FailureKind, message: str) -> None:
        """The job as a whole cannot continue."""
        task.note(kind, message)
        task.job.dead = True
        self._barrier.answered(task.job)

    def open_storage(self, task: Task) -> None:
        """The job is ready: opens its storage."""
        with _of_storage(task):
            task.ledger.check()
            task.open_storage(durable=self._durable)

    def begin(self, task: Task, status: JobStatus) -> None:
        """The job's storage is open: sets its priority by expiry, and checks for space."""
        if status.expires is not None:
            task.priority = int(status.expires.timestamp())
        task.began = time.monotonic()
        with _of_storage(task):
            recover(task.spec.dest, task.spec.name, task.workspace)
            parts = dict(sorted(task.workspace.parts()))  # True, for a sidecar, sorts last and wins
            task.parts = {name for name, sidecar in parts.items() if sidecar}
            task.parts.difference_update(
                remove_stale_parts(task.ledger, task.id, task.storage, parts)
            )
            self._preflight(task, status)
            expected = 0 if self._only_failed else _expected(task, status)
            self._engine.begin(task.key, self._context(task)._replace(expected=expected))
            self._low_water.enter(task)

    def _preflight(self, task: Task, status: JobStatus) -> None:
        if status.totals is None or status.totals.bytes is None or not task.spec.selection.is_all:
            return
        task.here_before = task.ledger.inventory.summary(task.id).bytes
        partly = sum(map(task.workspace.part_taken, task.parts))
        self._ledgers.preflight(task.spec.dest, status.totals.bytes - task.here_before - partly)

    def accept(self, task: Task, batch: Sequence[RemoteFile]) -> list[Wanted]:
        """Takes a batch of the listing and returns the wanted files."""
        if task.destination.was_empty and not task.has_rows and not task.counts.listed:
            self._look_for_old_name(task, batch)
        return accept(task, batch, only_failed=self._only_failed, refresh=self._refresh)

    def _look_for_old_name(self, task: Task, batch: Sequence[RemoteFile]) -> None:
        if task.fingerprint is None:
            return
        try:
            way = renamed.rename_advice(task.ledger, task.spec, task.fingerprint, batch)
        except ConfigError:
            task.id = 0  # nothing to conclude under this name
            with suppress(OSError):
                task.destination.remove_empty()  # would block the rename
            raise
        if way is not None:
            task.warn(way)

    def submit(self, task: Task, transfers: Sequence[Transfer]) -> None:
        """Submits transfers that are ready to start."""
        if task.stop.is_set() or task.job.dead:
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        if task.renew:  # their links are as old as the refused ones
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        self._engine.submit(transfers, partials=task.parts)
        if len(task.open) > ROOM:
            task.has_capacity.clear()

    def listed_whole(self, task: Task) -> list[Wanted]:
        """The listing is complete: files missing from it are not waited for.

        Returns files that were lost but may be on disk again, to be read.
        """
        task.job.listed_whole = True
        if not task.counts.listed and not task.spec.selection.is_all:
            task.warn("no file of the provider's list matches the filters")
        return list(note_unlisted(task))

    def not_found_on_disk(self, task: Task, file: RemoteFile) -> None:
        """The file on disk is not the unlisted file that was being looked for."""
        row = task.ledger.files.get(task.id, file.name)
        if row is not None:
            save_absent(task, [(row, task.destination.size(row.name))])

    def listing_done(self, task: Task) -> None:
        """The thread waits for commands."""
        task.job.listing = False

    def moved(self, task: Task, error: MovedError | LockedError) -> None:
        """The job's folder was moved, or another workspace has taken it over: ends it alone."""
        if isinstance(error, LockedError):
            self.end_at_once([task.job], error.kind, error.message)
        else:
            self.end_at_once([task.job], FailureKind.DISK, describe(error))

    def end_at_once(self, jobs: Sequence[Job], kind: FailureKind, text: str) -> None:
        """Ends jobs whose destination cannot be written."""
        for job in jobs:
            if not job.dead:
                job.note(kind, text)
            job.dead = True
            task = self._under_way.get(job.key)
            if task is None:  # not started
                job.ended = True
                continue
            task.stop.set()
            task.has_capacity.set()
        self._engine.stop_jobs({job.key for job in jobs})
        for job in jobs:
            if job.key in self._under_way:
                self._under_way[job.key].open.clear()

    def thread_ended(self, task: Task) -> None:
        """The job's thread has ended."""
        task.thread_over = True
        if self._under_way.get(task.key) is not task:  # released
            return
        task.job.listing = False
        if task.job.dead or task.stop.is_set():
            self._engine.withdraw(task.key)
            self._engine.forget(task.key)
            # Active or verified transfers still report their outcome.
            task.open.intersection_update(self._engine.under_way(task.key))
        task.settle()


@contextmanager
def _of_storage(task: Task) -> Iterator[None]:
    """Explains why a job's storage cannot be used. Raises ScarceError, DiskError, StoreError."""
    try:
        yield
    except BackhaulError:
        raise
    except OSError as error:
        if is_scarce(error.errno):
            raise ScarceError from None
        raise DiskError(explain(error, task.spec.dest, task.spec.name)) from None


def _expected(task: Task, status: JobStatus) -> int:
    """How many files a job without files will probably fetch; 0 if unknown."""
    if status.totals is None or task.has_rows or not task.spec.selection.is_all:
        return 0
    return status.totals.files or 0


def _watch_clock(task: Task) -> None:
    offset = task.http.clock_offset
    if offset is not None and abs(offset) > SKEW:
        way = "ahead of" if offset > 0 else "behind"
        task.warn(
            f"this machine's clock is {abs(offset) / 60:.0f} minutes {way} the provider's;"
            " expiry is judged by the provider's clock"
        )

"""What the job's thread says, and what the driver makes of it."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import ConfigError, DiskError, FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.oserrors import describe
from backhaul.run import disk, identity, renamed
from backhaul.run.accept import Wanted, accept
from backhaul.run.books import Books
from backhaul.run.doubt import UNREAD
from backhaul.run.first_answers import FirstAnswers
from backhaul.run.low_water import LowWater
from backhaul.run.strays import clear_strays
from backhaul.run.task import Task, clean
from backhaul.run.unlisted import note_unlisted, save_absent
from backhaul.storage.folder import PART, JobFolder
from backhaul.transfer.engine import Engine
from backhaul.transfer.judge import SKEW
from backhaul.transfer.unit import Transfer
from backhaul.types import JobState, JobStatus, RemoteFile

log = logging.getLogger(__name__)

ROOM = 2048  # transfers of one job that may wait; its listing pauses above


class JobDesk:
    """Takes a job from its first status to its thread's end; on the driver's thread.

    Args:
        engine, books, low_water, answers: the driver's.
        durable: whether what is said to be here outlives a power cut.
        only_failed: nothing but what failed before is wanted.
        refresh: what is here is asked for again.
    """

    def __init__(
        self,
        engine: Engine,
        books: Books,
        low_water: LowWater,
        answers: FirstAnswers,
        *,
        durable: bool,
        only_failed: bool,
        refresh: bool,
    ) -> None:
        self._engine = engine
        self._books = books
        self._low_water = low_water
        self._answers = answers
        self._durable = durable
        self._only_failed = only_failed
        self._refresh = refresh

    def status(self, task: Task, status: JobStatus) -> None:
        """The provider said how far the job is.

        Raises:
            ConfigError: the files under the job's name are another archive's.
            LockedError: a run under the job's old name is under way.
        """
        if task.ledger is not None:
            identity.settle(task, task.ledger, status)
        status = replace(
            status,
            message=clean(status.message),
            doubt=clean(status.doubt),
            warnings=tuple(clean(warning) for warning in status.warnings),
        )
        task.status = status
        for warning in status.warnings:
            task.warn(warning)
        _watch_clock(task)
        if task.ledger is not None:
            task.ledger.jobs.save_status(task.id, status)
            if status.state is JobState.READY or status.partial:
                # Its slots may be new ones: until the list is read whole, it says nothing of them.
                task.ledger.jobs.save_doubt(task.id, UNREAD)

    def not_ready(self, task: Task, status: JobStatus) -> None:
        """The job is not ready, and there is no more patience."""
        task.not_ready = True
        log.info("%s: not ready: %s", task.spec.name, status.message or status.state)

    def step_back(self, task: Task, seconds: float) -> None:
        """The job is not ready, and others wait for their turn: it asks again later."""
        task.turn.at = time.monotonic() + seconds
        task.turn.over = True

    def over(self, task: Task, status: JobStatus) -> None:
        """The provider says that the job failed, or that its data is gone."""
        expired = status.state is JobState.EXPIRED
        kind = FailureKind.EXPIRED if expired else FailureKind.FAILED
        self.failed(task, kind, status.message or f"the provider says {status.state}")

    def failed(self, task: Task, kind: FailureKind, message: str) -> None:
        """The job as a whole cannot continue."""
        task.note(kind, message)
        task.dead = True
        self._answers.came(task)

    def begin(self, task: Task, status: JobStatus) -> None:
        """The job is ready: its folder, its rank by expiry, and whether there is room."""
        spec = task.spec
        if status.expires is not None:
            task.rank = int(status.expires.timestamp())
        task.began = time.monotonic()
        try:
            if task.ledger is not None:
                task.ledger.check()
            if task.folder is None:  # or it was told to come again
                task.folder = JobFolder(spec.dest / spec.name, durable=self._durable)
            parts = dict(sorted(task.folder.parts()))  # a sidecar's True comes last, and stays
            task.parts = {name for name, sidecar in parts.items() if sidecar}
            if task.ledger is not None:
                task.parts.difference_update(clear_strays(task.ledger, task.id, task.folder, parts))
            self._preflight(task, status)
            self._low_water.enter(task)
        except OSError as error:
            if is_scarce(error.errno):
                raise ScarceError from None
            raise DiskError(
                f"{spec.dest / spec.name}: {describe(error, spec.dest / spec.name)}"
            ) from None

    def _preflight(self, task: Task, status: JobStatus) -> None:
        if status.totals is None or status.totals.bytes is None or task.ledger is None:
            return
        task.here_before = task.ledger.inventory.summary(task.id).bytes
        partly = disk.taken(
            task.spec.dest / task.spec.name / f"{name}{PART}" for name in task.parts
        )
        self._books.preflight(task.spec.dest, status.totals.bytes - task.here_before - partly)

    def accept(self, task: Task, batch: Sequence[RemoteFile]) -> list[Wanted]:
        """A batch of the listing: says which files are wanted."""
        if task.ledger is None or task.folder is None:
            return []
        if task.folder.was_empty and not task.has_rows and not task.listed and task.fingerprint:
            self._look_for_old_name(task, task.ledger, task.folder, batch)
        return accept(
            task,
            task.ledger,
            task.folder,
            batch,
            only_failed=self._only_failed,
            refresh=self._refresh,
        )

    def _look_for_old_name(
        self, task: Task, ledger: Ledger, folder: JobFolder, batch: Sequence[RemoteFile]
    ) -> None:
        assert task.fingerprint is not None  # noqa: S101 - the caller has looked
        try:
            way = renamed.way_on(ledger, task.spec, task.fingerprint, batch)
        except ConfigError:
            task.id = 0  # nothing of this name is to be concluded
            with suppress(OSError):
                folder.path.rmdir()  # it would be in the way
            raise
        if way is not None:
            task.warn(way)

    def submit(self, task: Task, transfers: Sequence[Transfer]) -> None:
        """Transfers that can begin."""
        if task.stop.is_set() or task.dead:
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        if task.renew:  # their links are as old as those that were refused
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        for transfer in transfers:
            self._engine.submit(transfer, partial=transfer.file.name in task.parts)
        if len(task.open) > ROOM:
            task.room.clear()

    def listed_whole(self, task: Task) -> list[Wanted]:
        """The provider has listed all that there is: what it lists no more is not waited for.

        Says which files may be on disk again though they were lost, and are to be looked at.
        """
        task.listed_whole = True
        if task.ledger is None or task.folder is None:
            return []
        return list(note_unlisted(task, task.ledger, task.folder))

    def not_that(self, task: Task, file: RemoteFile) -> None:
        """Something is on disk in the place of a file that is listed no more, and is not that file."""
        row = task.ledger.files.get(task.id, file.name) if task.ledger is not None else None
        if task.ledger is not None and task.folder is not None and row is not None:
            save_absent(task, task.ledger, [(row, task.folder.size(row.name))])

    def listing_done(self, task: Task) -> None:
        """The thread waits for orders."""
        task.listing = False

    def thread_ended(self, task: Task) -> None:
        """The job's thread is over."""
        task.listing = False
        if task.dead or task.stop.is_set():
            self._engine.withdraw(task.key)
            self._engine.forget(task.key)
            task.open &= self._engine.under_way(task.key)
        task.settle()


def _watch_clock(task: Task) -> None:
    offset = task.http.clock_offset if task.http is not None else None
    if offset is not None and abs(offset) > SKEW:
        way = "ahead of" if offset > 0 else "behind"
        task.warn(
            f"this machine's clock is {abs(offset) / 60:.0f} minutes {way} the provider's: times"
            " of expiry are judged by the provider's"
        )

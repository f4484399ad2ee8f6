"""The ledger and commit batch of each destination, and checks for free space."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import BackhaulError, DiskError, LockedError
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.waiting import Waiting
from backhaul.oserrors import describe
from backhaul.run.commit_batch import CommitBatch
from backhaul.run.task import Task
from backhaul.run.uploads import Uploads
from backhaul.storage.location import Location
from backhaul.storage.place import MovedError
from backhaul.storage.workspace import free
from backhaul.wording import human

log = logging.getLogger(__name__)


class Ledgers:
    """Opens ledgers on demand; ``flush`` publishes verified files.

    Args:
        min_free: bytes to keep free on each destination's disk.
        trouble: called when a destination can no longer be written, with the reason.
        moved: called for a job whose folder was moved, or that another workspace has taken over.
        published: called with the names of a job's files once they stop waiting.
        patience: maximum seconds that another program may hold a ledger's lock.
        stopped: whether the run is stopping.
        remember: called with the number of connections that hosts allowed in earlier runs.
        post: calls a function on the driver's thread, from any other.
    """

    def __init__(
        self,
        *,
        min_free: int,
        trouble: Callable[[Location, BackhaulError], None],
        moved: Callable[[Task, MovedError | LockedError], None],
        published: Callable[[Task, Sequence[str]], None],
        patience: float,
        stopped: Callable[[], bool],
        remember: Callable[[Mapping[str, int]], None],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._post = post
        self._min_free = min_free
        self._trouble = trouble
        self._moved = moved
        self._remember = remember
        self._published = published
        # The driver never waits: whatever cannot be written now is retried later.
        self._new_wait = partial(Waiting, patience, at_once=True, stopped=stopped)
        self._waits: dict[Location, Waiting] = {}
        self._inspected: set[Location] = set()
        self._ledgers: dict[Location, Ledger] = {}
        self._batches: dict[Location, CommitBatch] = {}

    def open(self, dest: Location) -> Ledger:
        """The destination's ledger, after an integrity check.

        Raises:
            LedgerError, DiskError: it cannot be used.
            LockedError: another program has held the lock for too long.
            HeldError: another program holds the lock; call again soon.
        """
        ledger = self._ledgers.get(dest)
        if ledger is None:
            waiting = self._waits.setdefault(dest, self._new_wait())
            found_sound = dest in self._inspected
            ledger = (Ledger if found_sound else inspected)(dest.workspace, waiting=waiting)
            self._inspected.add(dest)
            try:
                self._remember(ledger.hosts.connections())
            except BackhaulError:
                ledger.abandon()
                raise
            self._ledgers[dest] = ledger
            self._batches[dest] = CommitBatch(
                ledger,
                moved=self._moved,
                published=self._published,
                trouble=partial(self._failed, dest),
                uploads=Uploads(self._post),
            )
        return ledger

    def reason(self, dest: Location, error: BackhaulError) -> BackhaulError:
        """Why a destination cannot be written: it was moved or replaced, otherwise ``error``."""
        ledger = self._ledgers.get(dest)
        try:
            if ledger is not None:
                ledger.check()
        except OSError as moved:
            return DiskError(describe(moved))
        return error

    def commit_batch(self, dest: Location) -> CommitBatch:
        """The destination's commit batch; its ledger must be open."""
        return self._batches[dest]

    @property
    def due(self) -> bool:
        """Whether verified files have waited long enough."""
        return any(commit_batch.due for commit_batch in self._batches.values())

    def flush(self) -> None:
        """Publishes and records all verified files, except where another program locks the ledger."""
        for dest, commit_batch in self._batches.items():
            try:
                commit_batch.flush()
            except (BackhaulError, OSError) as error:
                self._failed(dest, error)

    def _failed(self, dest: Location, error: BackhaulError | OSError) -> None:
        if isinstance(error, BackhaulError):
            self._trouble(dest, error)
        elif isinstance(error, MovedError):
            self._trouble(dest, DiskError(describe(error)))
        else:
            scarce = is_scarce(error.errno)  # even after waiting
            words = f"cannot write: {describe(error, dest.folder)}"
            self._trouble(dest, ScarceError() if scarce else DiskError(words))

    def waiting(self, dest: Location) -> int:
        """Bytes of files that are being uploaded, or wait for it; 0 for a folder."""
        batch = self._batches.get(dest)
        return 0 if batch is None else batch.bytes + batch.uploads.bytes

    def uploading(self, job: str | None = None) -> bool:
        """Whether files of a job are being uploaded, by its key; None: of any job."""
        return any(batch.uploads.of(job) for batch in self._batches.values())

    def drain(self, turn: Callable[[float], None], patience: float) -> None:
        """Waits for uploads to end, up to some seconds; ``turn`` runs what was posted meanwhile."""
        end = time.monotonic() + patience
        while self.uploading() and time.monotonic() < end:
            turn(0.05)

    def commit(self) -> None:
        """Commits buffered changes, except where another program locks the ledger."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.try_commit()
            except BackhaulError as error:
                self._trouble(dest, error)

    def preflight(self, dest: Location, need: int) -> None:
        """Checks that the listed files fit. Raises DiskError, OSError."""
        if need <= 0:
            return
        room = free(dest.disk)
        if need > room - self._min_free:
            raise DiskError(
                f"{dest}: {human(need)} to fetch, but only {human(room)} available"
                f" (min_free_space keeps {human(self._min_free)} free)"
            )

    def save_hosts(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Stores the number of connections each host allowed."""
        known = list(hosts)
        for dest, ledger in self._ledgers.items():
            try:
                ledger.hosts.save(known)
                ledger.try_commit()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)

    def leave(self, dest: Location, hosts: Iterable[tuple[str, int]]) -> None:
        """Closes a destination's ledger when none of its jobs is running."""
        ledger = self._ledgers.get(dest)
        if ledger is None:
            return
        try:
            ledger.hosts.save(hosts)
            if ledger.try_commit():
                ledger.close()
                del self._ledgers[dest], self._batches[dest]
        except BackhaulError as error:
            log.warning("%s: %s", dest, error.message)

    def close(self) -> None:
        """Commits and closes all ledgers."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.close()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)

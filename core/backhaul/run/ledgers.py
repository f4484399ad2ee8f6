"""Ledgers and commit batchs, one of each a destination, and whether what is listed will fit."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import BackhaulError, DiskError
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.waiting import Waiting
from backhaul.oserrors import describe
from backhaul.run import disk
from backhaul.run.commit_batch import CommitBatch
from backhaul.run.task import Task
from backhaul.storage.place import MovedError

log = logging.getLogger(__name__)


class Ledgers:
    """Opens ledgers as they are needed; ``flush`` publishes what is verified.

    Args:
        min_free: bytes that stay free on each destination's disk.
        trouble: told when a destination cannot be written any more, and why.
        moved: told of a job whose folder is not where it was.
        published: told of the names of a job's files that wait for their group no more.
        patience: seconds that another program may hold a ledger without a break.
        stopped: whether the run is to stop.
        remember: told how many connections hosts allowed in earlier runs.
    """

    def __init__(
        self,
        *,
        min_free: int,
        trouble: Callable[[Path, BackhaulError], None],
        moved: Callable[[Task, MovedError], None],
        published: Callable[[Task, Sequence[str]], None],
        patience: float,
        stopped: Callable[[], bool],
        remember: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._min_free = min_free
        self._trouble = trouble
        self._moved = moved
        self._remember = remember
        self._published = published
        # Nothing waits on the driver: whoever cannot write now does so later.
        self._new_wait = partial(Waiting, patience, at_once=True, stopped=stopped)
        self._waits: dict[Path, Waiting] = {}
        self._inspected: set[Path] = set()
        self._ledgers: dict[Path, Ledger] = {}
        self._batches: dict[Path, CommitBatch] = {}

    def open(self, dest: Path) -> Ledger:
        """The destination's ledger, found to be sound.

        Raises:
            LedgerError, DiskError: it cannot be used.
            LockedError: another program has held it for too long.
            HeldError: another program holds it now; to be called again soon.
        """
        ledger = self._ledgers.get(dest)
        if ledger is None:
            waiting = self._waits.setdefault(dest, self._new_wait())
            found_sound = dest in self._inspected
            ledger = (Ledger if found_sound else inspected)(dest, waiting=waiting)
            self._inspected.add(dest)
            try:
                self._remember(ledger.hosts.connections())
            except BackhaulError:
                ledger.abandon()
                raise
            self._ledgers[dest] = ledger
            self._batches[dest] = CommitBatch(ledger, moved=self._moved, published=self._published)
        return ledger

    def reason(self, dest: Path, error: BackhaulError) -> BackhaulError:
        """Why a destination cannot be written: it was moved or replaced, or else the error itself."""
        ledger = self._ledgers.get(dest)
        try:
            if ledger is not None:
                ledger.check()
        except OSError as moved:
            return DiskError(describe(moved))
        return error

    def commit_batch(self, dest: Path) -> CommitBatch:
        """The destination's commit batch; its ledger is open."""
        return self._batches[dest]

    @property
    def due(self) -> bool:
        """Whether verified files have waited long enough."""
        return any(commit_batch.due for commit_batch in self._batches.values())

    def flush(self) -> None:
        """Publishes and records all that is verified, but where another program holds the ledger."""
        for dest, commit_batch in self._batches.items():
            try:
                commit_batch.flush()
            except BackhaulError as error:
                self._trouble(dest, error)
            except MovedError as error:
                self._trouble(dest, DiskError(describe(error)))
            except OSError as error:
                scarce = is_scarce(error.errno)  # for longer than was waited
                words = f"cannot be written: {describe(error, dest)}"
                self._trouble(dest, ScarceError() if scarce else DiskError(words))

    def commit(self) -> None:
        """Writes what has gathered, but where another program holds the ledger."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.try_commit()
            except BackhaulError as error:
                self._trouble(dest, error)

    def preflight(self, dest: Path, need: int) -> None:
        """Whether what is listed will fit. Raises DiskError, OSError."""
        if need > 0:
            disk.preflight(dest, need, self._min_free)

    def save_hosts(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Remembers how many connections each host allowed."""
        known = list(hosts)
        for dest, ledger in self._ledgers.items():
            try:
                ledger.hosts.save(known)
                ledger.try_commit()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)

    def leave(self, dest: Path, hosts: Iterable[tuple[str, int]]) -> None:
        """No job of the destination is under way any more: closes its ledger, until one is."""
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
        """Commits and lets go."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.close()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)

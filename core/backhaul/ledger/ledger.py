"""The ledger: one SQLite file per destination, written by the driver alone."""

from pathlib import Path
from typing import Self

from backhaul.ledger.database import Database, ledger_path
from backhaul.ledger.facts import Facts
from backhaul.ledger.files import FileTable
from backhaul.ledger.hosts import HostTable
from backhaul.ledger.inventory import Inventory
from backhaul.ledger.jobs import JobTable
from backhaul.ledger.streams import StreamTable
from backhaul.ledger.waiting import Waiting


class Ledger:
    """What is here, proven. One connection, used by one thread.

    Changes gather in memory until ``commit`` or until something is read; readers in other processes
    see whole batches.

    Args:
        dest: the destination folder.
        readonly: open what is there, or an empty one in memory when there is none.
        waiting: how long others may hold it; None: as usual.

    Attributes:
        jobs: what the provider said of each.
        files: what is known of each, and what becomes of it.
        facts: what was worked out from the files of whole jobs, as long as it holds.
        inventory: the files of whole jobs, in order and summed up.
        streams: how far chunked files are.
        hosts: how many connections each allowed.

    Raises:
        LedgerError: it is damaged or of a newer version.
        DiskError: it cannot be created.
    """

    def __init__(
        self, dest: Path, *, readonly: bool = False, waiting: Waiting | None = None
    ) -> None:
        self._db = db = Database(ledger_path(dest), readonly=readonly, waiting=waiting)
        self.jobs = JobTable(db)
        self.facts = facts = Facts(db)
        self.files = FileTable(db, facts)
        self.inventory = Inventory(db, facts)
        self.streams = StreamTable(db)
        self.hosts = HostTable(db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def inspect(self) -> None:
        """Looks whether the file is sound: about a second a million files. Raises LedgerError."""
        self._db.inspect()
        self.files.look_at_numbers()

    def check(self) -> None:
        """Raises MovedError when its path does not lead to it any more, OSError."""
        self._db.check()

    def look_through(self) -> None:
        """Looks at every page and at every value, in flat memory. Raises LedgerError."""
        self.inspect()
        for job in self.jobs.all():
            for _ in self.inventory.files(job.id):
                continue
        self.files.look_through()
        self.streams.look_through()

    def abandon(self) -> None:
        """Lets go, and forgets the changes since the last commit."""
        self._db.abandon()

    def close(self) -> None:
        """Commits and lets go."""
        self._db.close()

    def commit(self) -> None:
        """Makes the changes lasting. Raises LockedError, HeldError (they are kept), DiskError."""
        self._db.commit()

    def try_commit(self) -> bool:
        """The same; whether no other program was in the way. Raises LockedError, DiskError."""
        return self._db.try_commit()

    def sync_each_commit(self) -> None:
        """From now on a commit outlives a power cut, not only the process; the next one is now."""
        self._db.sync_each_commit()

    def rollback(self) -> None:
        """Forgets the changes since the last commit."""
        self._db.rollback()


def inspected(dest: Path, *, readonly: bool = False, waiting: Waiting | None = None) -> Ledger:
    """A ledger that was found to be sound. Raises LedgerError, LockedError, DiskError."""
    ledger = Ledger(dest, readonly=readonly, waiting=waiting)
    try:
        ledger.inspect()
    except BaseException:
        ledger.abandon()
        raise
    return ledger

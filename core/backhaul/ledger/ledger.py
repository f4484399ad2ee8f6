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


class Ledger:
    """What is here, proven. One connection, used by one thread.

    Changes gather in a transaction until ``commit``; readers in other processes see whole batches.

    Args:
        dest: the destination folder.
        readonly: open what is there, or an empty one in memory when there is none.

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

    def __init__(self, dest: Path, *, readonly: bool = False) -> None:
        self._db = db = Database(ledger_path(dest), readonly=readonly)
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
        """Commits what is open and lets go."""
        self._db.close()

    def commit(self) -> None:
        """Makes the batch of changes lasting. Raises DiskError."""
        self._db.commit()

    def sync_each_commit(self) -> None:
        """From now on a commit outlives a power cut, not only the process."""
        self._db.sync_each_commit()

    def rollback(self) -> None:
        """Forgets the changes since the last commit."""
        self._db.rollback()


def inspected(dest: Path, *, readonly: bool = False) -> Ledger:
    """A ledger that was found to be sound. Raises LedgerError, LockedError, DiskError."""
    ledger = Ledger(dest, readonly=readonly)
    try:
        ledger.inspect()
    except BaseException:
        ledger.abandon()
        raise
    return ledger

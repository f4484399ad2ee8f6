"""The ledger: one SQLite file per destination, written only by the driver."""

from pathlib import Path
from typing import Self

from backhaul.ledger.database import Database, ledger_path
from backhaul.ledger.facts import Facts, HostTable
from backhaul.ledger.files import FileTable
from backhaul.ledger.inventory import Inventory
from backhaul.ledger.jobs import JobTable
from backhaul.ledger.streams import StreamTable
from backhaul.ledger.waiting import Waiting


class Ledger:
    """Which files are present and verified. For use by one thread.

    Changes are buffered in memory until ``commit`` or the next read; other processes see whole batches.

    Args:
        workspace: the destination's workspace.
        readonly: open an existing ledger; if there is none, an empty in-memory one.
        waiting: how long to wait for other lock holders; None for the default.

    Attributes:
        jobs: what the provider said about each job.
        files: each file's listing and outcome.
        facts: results computed from all files of a job, while valid.
        inventory: all files of a job, in order and summed.
        streams: progress of chunked files.
        hosts: the number of connections each host allowed.

    Raises:
        LedgerError: it is damaged or was written by a newer version.
        DiskError: it cannot be created.
    """

    def __init__(
        self, workspace: Path, *, readonly: bool = False, waiting: Waiting | None = None
    ) -> None:
        self._db = db = Database(ledger_path(workspace), readonly=readonly, waiting=waiting)
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
        """Checks the file's integrity: about a second per million files. Raises LedgerError."""
        self._db.inspect()
        self.files.check_numbers()

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to the open file; OSError."""
        self._db.check()

    def check_all(self) -> None:
        """Checks every page and every value in constant memory. Raises LedgerError."""
        self.inspect()
        for job in self.jobs.all():
            for _ in self.inventory.files(job.id):
                continue
        self.files.check_all()
        self.streams.check_all()

    def backup(self, path: Path) -> None:
        """Writes a copy with all committed changes; other runs may continue. Raises LedgerError, OSError."""
        self._db.backup(path)

    def abandon(self) -> None:
        """Closes the ledger and discards uncommitted changes."""
        self._db.abandon()

    def close(self) -> None:
        """Commits and closes the ledger."""
        self._db.close()

    def commit(self) -> None:
        """Writes buffered changes. Raises LockedError and HeldError (changes are kept), DiskError."""
        self._db.commit()

    def try_commit(self) -> bool:
        """Commits; returns False if another program holds the lock. Raises LockedError, DiskError."""
        return self._db.try_commit()

    def sync_each_commit(self) -> None:
        """Makes this and every later commit survive a power failure, not only a crash of the process."""
        self._db.sync_each_commit()

    def rollback(self) -> None:
        """Discards changes since the last commit."""
        self._db.rollback()


def inspected(workspace: Path, *, readonly: bool = False, waiting: Waiting | None = None) -> Ledger:
    """Opens a ledger and checks its integrity. Raises LedgerError, LockedError, DiskError."""
    ledger = Ledger(workspace, readonly=readonly, waiting=waiting)
    try:
        ledger.inspect()
    except BaseException:
        ledger.abandon()
        raise
    return ledger

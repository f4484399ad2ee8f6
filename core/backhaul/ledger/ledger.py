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
    See Database for the methods that are its own.

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
        self.check = db.check
        self.abandon = db.abandon
        self.close = db.close
        self.commit = db.commit
        self.try_commit = db.try_commit
        self.sync_each_commit = db.sync_each_commit
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

    def check_all(self) -> None:
        """Checks every page and every value in constant memory. Raises LedgerError."""
        self.inspect()
        for job in self.jobs.all():
            for _ in self.inventory.files(job.id):
                continue
        self.files.check_all()
        self.streams.check_all()


def inspected(workspace: Path, *, readonly: bool = False, waiting: Waiting | None = None) -> Ledger:
    """Opens a ledger and checks its integrity. Raises LedgerError, LockedError, DiskError."""
    ledger = Ledger(workspace, readonly=readonly, waiting=waiting)
    try:
        ledger.inspect()
    except BaseException:
        ledger.abandon()
        raise
    return ledger

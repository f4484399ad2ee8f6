"""What earlier runs left in an archive; changes nothing, and contacts no server."""

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from backhaul.archive.jobs import conflict_of
from backhaul.errors import DiskError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.oserrors import describe
from backhaul.storage.holders import Holder, holder
from backhaul.storage.job import open_parts
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from backhaul.config import JobSpec


class Parts(NamedTuple):
    """The unfinished files of a job.

    Attributes:
        number: how many there are.
        size: their bytes on the disk.
    """

    number: int
    size: int


class EarlierRuns:
    """What earlier runs left at a destination. To be closed."""

    def __init__(self, dest: Location) -> None:
        self._dest = dest
        self._ledger: Ledger | None = None

    def close(self) -> None:
        """Closes the ledger."""
        if self._ledger is not None:
            self._ledger.abandon()

    def holder(self, job: str) -> Holder | None:
        """The process that has locked a job now; None if it is not locked."""
        return holder(self._dest.workspace, job)

    def check_ledger(self) -> int | None:
        """Checks the ledger for damage; returns its number of jobs, None if there is no ledger yet.

        Raises LedgerError if it is damaged, LockedError if another process checks it.
        """
        if not ledger_path(self._dest.workspace).exists():
            return None
        self._ledger = inspected(self._dest.workspace, readonly=True)
        return len(self._ledger.jobs.all())

    def conflict(self, job: "JobSpec") -> str:
        """Why the job's files belong to another archive than the YAML names; '' if they do not."""
        ledger = self._ledger
        return "" if ledger is None else conflict_of(job, ledger, ledger.jobs.get(job.name))

    def parts(self, job: str) -> Parts:
        """The job's unfinished files. Raises DiskError."""
        path = self._dest.parts(job)
        if not path.exists():
            return Parts(0, 0)
        try:
            with closing(open_parts(self._dest, job)) as folder:
                names = {name for name, _ in folder.parts()}
                return Parts(len(names), sum(folder.part_taken(name) for name in names))
        except OSError as error:
            raise DiskError(f"{path}: {describe(error, path)}") from None

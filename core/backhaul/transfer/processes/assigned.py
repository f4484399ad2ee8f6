"""Transfers that a process is carrying out."""

from collections import Counter
from collections.abc import Iterator

from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.unit import Transfer


class Assigned:
    """Transfers that were assigned to a process (perhaps this one) and are not finished.

    Attributes:
        at: number of transfers by origin.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, tuple[Transfer, str]]] = {}
        self._late: dict[str, dict[str, tuple[Transfer, str]]] = {}
        self.at: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return any(self._jobs.values())

    def add(self, unit: WorkUnit, host: str) -> None:
        """Adds the transfers of a unit."""
        jobs = self._jobs.setdefault(unit.job, {})
        for transfer in unit.transfers:
            jobs[transfer.file.name] = transfer, host
        self.at[host] += len(unit.transfers)

    def get(self, job: str, name: str) -> Transfer | None:
        """A transfer, even if its job was canceled: it may be complete nevertheless."""
        found = self._jobs.get(job, {}).get(name) or self._late.get(job, {}).get(name)
        return found[0] if found else None

    def remove(self, job: str, name: str) -> Transfer | None:
        """Removes and returns a finished transfer; None if it was not open."""
        found = self._jobs.get(job, {}).pop(name, None)
        if found is None:
            return None
        self.at[found[1]] -= 1
        return found[0]

    def take(self, job: str) -> list[Transfer]:
        """Removes and returns a job's transfers."""
        taken = [transfer for transfer, _ in self._jobs.get(job, {}).values()]
        self.cancel(job)
        return taken

    def take_all(self) -> Iterator[list[Transfer]]:
        """Removes and returns the transfers of each job."""
        for job in list(self._jobs):
            yield self.take(job)

    def cancel(self, job: str) -> None:
        """A job's transfers are no longer expected to finish."""
        left = self._jobs.pop(job, {})
        self.at.subtract(host for _, host in left.values())
        self._late.setdefault(job, {}).update(left)

    def end(self, job: str) -> None:
        """Forgets a job."""
        self.cancel(job)
        self._late.pop(job, None)

    @property
    def jobs(self) -> list[str]:
        """The jobs that have transfers."""
        return [job for job, left in self._jobs.items() if left]

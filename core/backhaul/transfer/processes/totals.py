"""The counters of a run whose transfers are carried out by several processes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from backhaul.transfer.processes.worker_handle import WorkerHandle
from backhaul.transfer.unit import Counters


class Totals:
    """The sum of several processes' counters.

    Args:
        own: this process's counters.
        workers: the workers.
        ended: the counters of those that have ended.

    Attributes:
        waiting: held transfers that are not assigned to a process, by job.
    """

    def __init__(self, own: Counters, workers: Mapping[int, WorkerHandle], ended: Counters) -> None:
        self._own = own
        self._workers = workers
        self._ended = ended
        self.waiting: Mapping[str, int] = {}

    @property
    def _all(self) -> Collection[Counters]:
        return [self._own, self._ended, *(each.counters for each in list(self._workers.values()))]

    @property
    def bytes(self) -> int:
        """Bytes received."""
        return sum(each.bytes for each in self._all)

    @property
    def requests(self) -> int:
        """Requests made."""
        return sum(each.requests for each in self._all)

    @property
    def finished(self) -> int:
        """Files verified."""
        return sum(each.finished for each in self._all)

    @property
    def retries(self) -> int:
        """Attempts that will be repeated."""
        return sum(each.retries for each in self._all)

    @property
    def active(self) -> int:
        """Connections in use."""
        return sum(each.active for each in self._all)

    @property
    def by_job(self) -> Mapping[str, int]:
        """Bytes received, by job."""
        return _sum(each.by_job for each in self._all)

    @property
    def held(self) -> Mapping[str, int]:
        """Number of transfers that wait for their job's release, by job."""
        return _sum([*(each.held for each in self._all), self.waiting])


def _sum(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return found

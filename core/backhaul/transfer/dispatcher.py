"""Tracks transfers that were submitted to an executor and are not finished."""

from collections import Counter
from collections.abc import Collection, Sequence

from backhaul.transfer.executor import Executor, units
from backhaul.transfer.outcome import Done, Outcome, Retrying, Withdrawn
from backhaul.transfer.unit import Counters, Transfer


class Dispatcher:
    """Submits transfers in units; used only by the driver's thread.

    Knows the state of the transfers as reported to the driver, which may lag behind the executor.

    Attributes:
        executor: carries out the transfers.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._open: dict[str, set[str]] = {}
        self._done: Counter[str] = Counter()  # how many of a job's open files are complete
        self.begin = executor.begin
        self.withdraw = executor.withdraw
        self.forget = executor.forget
        self.hold = executor.hold
        self.release = executor.release
        self.at_work = executor.at_work
        self.pace = executor.pace
        self.remember = executor.remember
        self.hosts = executor.hosts
        self.received = executor.received
        self.close = executor.close

    @property
    def counters(self) -> Counters:
        """The executor's statistics."""
        return self.executor.counters

    def submit(self, transfers: Sequence[Transfer], *, partials: Collection[str] = ()) -> None:
        """Submits transfers of one job; ``partials``: names of files that may have a part."""
        if transfers:
            names = self._open.setdefault(transfers[0].job, set())
            names.update(transfer.file.name for transfer in transfers)
            for unit in units(transfers, partials):
                self.executor.submit(unit)

    def settled(self, outcome: Outcome) -> None:
        """The driver has processed an outcome; a completed file stays open until it is published."""
        if isinstance(outcome, Done):
            if outcome.transfer.job in self._open:
                self._done[outcome.transfer.job] += 1
        elif isinstance(outcome, Withdrawn):
            self._open.get(outcome.job, set()).difference_update(outcome.names)
        elif not isinstance(outcome, Retrying):
            self._open.get(outcome.transfer.job, set()).discard(outcome.transfer.file.name)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files are published, or never will be."""
        if job in self._open:
            self._open[job].difference_update(names)
            self._done[job] -= len(names)
        self.executor.published(job, names)

    def under_way(self, job: str) -> Collection[str]:
        """Names of a job's files that are neither finished nor published."""
        return self._open.get(job, set())

    @property
    def busy(self) -> bool:
        """Whether any file is not complete yet; complete files may still wait to be published."""
        return any(len(names) > self._done[job] for job, names in self._open.items())

    def end(self, job: str) -> None:
        """The job has no transfers left."""
        self._drop(job)
        self.executor.end(job)

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Stops the transfers of some jobs immediately; see Executor.cancel."""
        for job in jobs:
            self._drop(job)
        self.executor.cancel(jobs)

    def stop(self) -> None:
        """Stops all transfers immediately, keeping received data of large files."""
        self._open.clear()
        self._done.clear()
        self.executor.cancel(None)

    def _drop(self, job: str) -> None:
        self._open.pop(job, None)
        del self._done[job]

"""What was given to an executor and has not come to its end."""

from collections.abc import Collection, Mapping, Sequence

from backhaul.transfer.executor import Executor, units
from backhaul.transfer.outcome import Done, Outcome, Retrying, Withdrawn
from backhaul.transfer.unit import Transfer


class Dispatcher:
    """Gives out transfers in units; used by the driver's thread alone.

    What it knows of them is as the driver was told, not as the executor knows it by then.

    Attributes:
        executor: who carries them out.
        counters: the executor's.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.counters = executor.counters
        self._open: dict[str, set[str]] = {}
        self.begin = executor.begin
        self.withdraw = executor.withdraw
        self.forget = executor.forget
        self.hold = executor.hold
        self.release = executor.release
        self.at_work = executor.at_work
        self.pace = executor.pace
        self.hosts = executor.hosts
        self.received = executor.received
        self.close = executor.close

    def remember(self, hosts: Mapping[str, int]) -> None:
        """How many connections origins allowed in an earlier run."""
        self.executor.remember(hosts)

    def submit(self, transfers: Sequence[Transfer], *, partials: Collection[str] = ()) -> None:
        """Gives out transfers of one job; ``partials``: the names of which a part may be here."""
        if transfers:
            names = self._open.setdefault(transfers[0].job, set())
            names.update(transfer.file.name for transfer in transfers)
            for unit in units(transfers, partials):
                self.executor.submit(unit)

    def settled(self, outcome: Outcome) -> None:
        """The driver has been told of an outcome; what is done is open until it is published."""
        if isinstance(outcome, Withdrawn):
            self._open.get(outcome.job, set()).difference_update(outcome.names)
        elif not isinstance(outcome, Done | Retrying):
            self._open.get(outcome.transfer.job, set()).discard(outcome.transfer.file.name)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files have their final names, or never will."""
        self._open.get(job, set()).difference_update(names)
        self.executor.published(job, names)

    def under_way(self, job: str) -> Collection[str]:
        """Names of a job's files that are neither settled nor published yet."""
        return self._open.get(job, set())

    @property
    def busy(self) -> bool:
        """Whether any file is neither settled nor published yet."""
        return any(self._open.values())

    def end(self, job: str) -> None:
        """Nothing more comes of a job."""
        self._open.pop(job, None)
        self.executor.end(job)

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Ends the transfers of some jobs at once; see Executor.cancel."""
        for job in jobs:
            self._open.pop(job, None)
        self.executor.cancel(jobs)

    def stop(self) -> None:
        """Ends all transfers at once, keeping what has arrived of large files."""
        self._open.clear()
        self.executor.cancel(None)

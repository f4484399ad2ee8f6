"""An executor that is created when there is something to fetch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import Executor, WorkUnit
from backhaul.transfer.outcome import Outcome
from backhaul.transfer.unit import Counters, Statistics
from backhaul.types import Pace

if TYPE_CHECKING:
    from backhaul.config.settings import Settings


class OnDemand:
    """Creates an executor with its first unit, and passes on what it was told before.

    A run that finds everything present needs none: no libcurl, threads or processes.

    Args:
        deliver: see TransferThread, like the others.
        crashed: called with an error that ends the executor.
        settings: the user's; ``workers`` selects the kind of executor.
        connections: maximum number of connections.

    Attributes:
        made: the executor; None until the first unit.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[Outcome]], None],
        crashed: Callable[[BaseException], None],
        *,
        settings: "Settings",
        connections: int,
    ) -> None:
        self._deliver = deliver
        self._crashed = crashed
        self._settings = settings
        self._connections = connections
        self.made: Executor | None = None
        self._before: dict[str, list[Callable[[Executor], None]]] = {}  # by job; "" for all
        self._counters = Counters()

    @property
    def counters(self) -> Statistics:
        """The executor's statistics."""
        return self._counters if self.made is None else self.made.counters

    def submit(self, unit: WorkUnit) -> None:
        """Accepts a unit."""
        made = self.made
        if made is None:
            made = self.made = self._create()
            for told in self._before.values():
                for tell in told:
                    tell(made)
            for job, size in self._counters.by_job.items():
                made.received(job, size)
            self._before.clear()
        made.submit(unit)

    def _create(self) -> Executor:
        kind: Callable[..., Executor]
        if self._settings.workers == 1:
            from backhaul.transfer.thread import TransferThread  # noqa: PLC0415 - see the class

            kind = TransferThread
        else:
            from backhaul.transfer.processes.pool import ProcessPool  # noqa: PLC0415 - see the class

            kind = ProcessPool
        return kind(
            self._deliver, self._crashed, settings=self._settings, connections=self._connections
        )

    def _tell(self, job: str, tell: Callable[[Executor], None]) -> None:
        if self.made is not None:
            tell(self.made)
        else:
            self._before.setdefault(job, []).append(tell)

    def begin(self, job: str, context: JobContext) -> None:
        """Announces a job before its first unit."""
        self._tell(job, lambda made: made.begin(job, context))

    def end(self, job: str) -> None:
        """The job has no transfers left."""
        if self.made is None:
            self._before.pop(job, None)
        else:
            self.made.end(job)

    def withdraw(self, job: str) -> None:
        """Withdraws a job's transfers that have not started."""
        if self.made is not None:
            self.made.withdraw(job)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files are published, or never will be."""
        if self.made is not None:
            self.made.published(job, names)

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Stops the transfers of some jobs (None: all) immediately."""
        if self.made is not None:
            self.made.cancel(jobs)

    def forget(self, job: str) -> None:
        """Discards data kept for a job's files that will not be submitted again."""
        if self.made is not None:
            self.made.forget(job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs."""
        for job in jobs:
            self._tell(job, partial(_hold, job))

    def release(self, job: str) -> None:
        """Resumes a held job."""
        self._tell(job, lambda made: made.release(job))

    def at_work(self, job: str) -> bool:
        """Whether files of a job are still being verified, written or kept."""
        return self.made is not None and self.made.at_work(job)

    def pace(self, origin: str, pace: Pace) -> None:
        """Limits requests to an origin to the provider's pace."""
        self._tell("", lambda made: made.pace(origin, pace))

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""
        self._tell("", lambda made: made.remember(hosts))

    def hosts(self) -> list[tuple[str, int]]:
        """How many connections each origin allows."""
        return [] if self.made is None else self.made.hosts()

    def received(self, job: str, size: int) -> None:
        """Counts bytes that were received by other means."""
        if self.made is None:
            self._counters.count(job, size)
        else:
            self.made.received(job, size)

    def close(self) -> None:
        """Shuts down the executor, if there is one."""
        if self.made is not None:
            self.made.close()


def _hold(job: str, made: Executor) -> None:
    made.hold([job])

"""An executor that is created when there is something to fetch."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import Executor, Setup, WorkUnit
from backhaul.transfer.processes.auto import MUCH, how_many
from backhaul.transfer.unit import Counters
from backhaul.types import Pace

if TYPE_CHECKING:
    from backhaul.transfer.processes.fork_server import SharedForkServer


class OnDemand:
    """An Executor that creates another one for the first unit, and passes on the calls made before.

    A run that finds everything present needs none: no libcurl, threads or processes.

    Args:
        setup: see Setup; the settings ``cluster`` and ``workers`` select the kind of executor.

    Attributes:
        made: the executor; None until the first unit.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.made: Executor | None = None
        self._before: dict[str, list[Callable[[Executor], None]]] = {}  # by job; "" for all
        self._counters = Counters()
        self._fork_server: SharedForkServer | None = None

    @property
    def counters(self) -> Counters:
        """The executor's statistics."""
        return self._counters if self.made is None else self.made.counters

    def submit(self, unit: WorkUnit) -> None:
        made = self.made
        if made is None:
            made = self.made = self._create()
            for messages in self._before.values():
                for send in messages:
                    send(made)
            for job, size in self._counters.by_job.items():
                made.received(job, size)
            self._before.clear()
        made.submit(unit)

    def _create(self) -> Executor:
        kind: Callable[[Setup], Executor]
        if self._setup.settings.cluster is not None:
            from backhaul.transfer.cluster.pool import ClusterPool  # noqa: PLC0415 - see the class

            kind = ClusterPool
        elif how_many(self._setup.settings.workers) == 1:
            from backhaul.transfer.thread import TransferThread  # noqa: PLC0415 - see the class

            kind = TransferThread
        else:
            from backhaul.transfer.processes.process_pool import ProcessPool  # noqa: PLC0415 - see the class

            kind = partial(ProcessPool, server=self._fork_server)
        return kind(self._setup)

    def _may_pay(self, files: int) -> bool:
        """Whether workers on this machine may be worthwhile for this many files, and were not prepared yet."""
        settings = self._setup.settings
        if self._fork_server is not None or self.made is not None or settings.cluster is not None:
            return False
        enough = MUCH if settings.workers == "auto" else 0
        return how_many(settings.workers) > 1 and files > enough

    def _tell(self, job: str, tell: Callable[[Executor], None]) -> None:
        if self.made is not None:
            tell(self.made)
        else:
            self._before.setdefault(job, []).append(tell)

    def begin(self, job: str, context: JobContext) -> None:
        if context.pace is None and self._may_pay(context.expected):
            from backhaul.transfer.processes.fork_server import SharedForkServer  # noqa: PLC0415 - see the class

            self._fork_server = SharedForkServer()
            self._fork_server.start()  # it imports what workers need while the jobs are being listed
        self._tell(job, lambda made: made.begin(job, context))

    def end(self, job: str) -> None:
        if self.made is None:
            self._before.pop(job, None)
        else:
            self.made.end(job)

    def withdraw(self, job: str) -> None:
        if self.made is not None:
            self.made.withdraw(job)

    def published(self, job: str, names: Collection[str]) -> None:
        if self.made is not None:
            self.made.published(job, names)

    def cancel(self, jobs: Collection[str] | None) -> None:
        if self.made is not None:
            self.made.cancel(jobs)

    def forget(self, job: str) -> None:
        if self.made is not None:
            self.made.forget(job)

    def hold(self, jobs: Collection[str]) -> None:
        for job in jobs:
            self._tell(job, partial(_hold, job))

    def release(self, job: str) -> None:
        self._tell(job, lambda made: made.release(job))

    def at_work(self, job: str) -> bool:
        return self.made is not None and self.made.at_work(job)

    def pace(self, origin: str, pace: Pace) -> None:
        self._tell("", lambda made: made.pace(origin, pace))

    def remember(self, hosts: Mapping[str, int]) -> None:
        self._tell("", lambda made: made.remember(hosts))

    def hosts(self) -> list[tuple[str, int]]:
        return [] if self.made is None else self.made.hosts()

    def received(self, job: str, size: int) -> None:
        if self.made is None:
            self._counters.count(job, size)
        else:
            self.made.received(job, size)

    def close(self) -> None:
        """Shuts down the executor, if there is one."""
        if self.made is not None:
            self.made.close()
        elif self._fork_server is not None:
            self._fork_server.close()


def _hold(job: str, made: Executor) -> None:
    made.hold([job])

"""A worker as seen by the driver's process, wherever it runs."""

from abc import ABC, abstractmethod
from typing import Any

from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Outcome
from backhaul.transfer.processes.assigned import Assigned
from backhaul.transfer.processes.plain import plain_unit
from backhaul.transfer.unit import Counters


class WorkerHandle(ABC):
    """Another process that carries out transfers.

    Args:
        number: of the worker; for messages.

    Attributes:
        ready: it has started.
        assigned: its transfers.
        announced: jobs that were announced to it.
        quiet: by job, whether the worker has reported that it has nothing left to write; jobs that it was
            not asked about are missing.
        counters: as last reported.
        dismissed: it ends because somebody wants it to, so its transfers have not killed it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready = self.dismissed = False
        self.assigned = Assigned()
        self.announced: set[str] = set()
        self.quiet: dict[str, bool] = {}
        self.counters = Counters()

    @property
    def is_busy(self) -> bool:
        """Whether it has transfers."""
        return bool(self.assigned)

    @abstractmethod
    def send(self, *message: Any) -> None:
        """Sends a message, see Work.execute; never waits."""

    def knows(self, job: str) -> bool:
        """Whether a job was announced to it."""
        return job in self.announced

    def begin(self, job: str, context: bytes) -> None:
        """Announces a job; its context is pickled."""
        if job not in self.announced:
            self.announced.add(job)
            self.send("begin", job, context)

    def received(self, outcome: Outcome) -> Outcome:
        """What to report to the driver when the worker sends this."""
        return outcome

    def leave_origin(self, host: str) -> None:
        """Leaves an origin to others, see Engine.leave."""
        self.send("leave", host)

    def fetches(self, host: str) -> bool:
        """Whether it may make more requests for its transfers from an origin."""
        return self.assigned.at[host] > 0

    def submit(self, unit: WorkUnit) -> None:
        """Sends a unit."""
        self.quiet.pop(unit.job, None)
        self.send("unit", plain_unit(unit))

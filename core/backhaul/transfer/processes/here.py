"""This process as one of those that carry out transfers."""

from typing import Any, Final

from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.processes.given import Given
from backhaul.transfer.thread import TransferThread

HERE: Final = -1  # its number


class Here:
    """The transfer thread of this process, with the interface of a WorkerProcess.

    Attributes:
        given: its transfers.
    """

    number = HERE

    def __init__(self, thread: TransferThread) -> None:
        self._thread = thread
        self.given = Given()

    @property
    def finished(self) -> int:
        """Number of files it has verified."""
        return self._thread.counters.finished

    def has_begun(self, job: str) -> bool:
        """Whether a job was announced to it: all are."""
        del job
        return True

    def submit(self, unit: WorkUnit) -> None:
        """Queues a unit."""
        self._thread.submit(unit)

    def send(self, name: str, *values: Any) -> None:
        """Calls the transfer thread's method of that name."""
        getattr(self._thread, name)(*values)

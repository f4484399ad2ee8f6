"""This process as one of those that carry out transfers."""

from collections.abc import Callable
from typing import Any, Final

from backhaul.transfer.executor import WorkUnit, host_of
from backhaul.transfer.processes.assigned import Assigned
from backhaul.transfer.thread import TransferThread

THIS_PROCESS: Final = -1  # its number


class ThisProcess:
    """The transfer thread of this process, with the interface of a worker.

    Args:
        thread: the transfer thread.
        post: calls a function on the pool's thread.

    Attributes:
        assigned: its transfers.
    """

    number = THIS_PROCESS

    def __init__(self, thread: TransferThread, post: Callable[..., None]) -> None:
        self._thread = thread
        self._post = post
        self._left: set[str] = set()
        self.assigned = Assigned()

    @property
    def finished(self) -> int:
        """Number of files it has verified."""
        return self._thread.counters.finished

    @property
    def is_busy(self) -> bool:
        """Whether it may make requests; files that only need verification need no connection."""
        return any(map(self.fetches, self.assigned.at))

    def submit(self, unit: WorkUnit) -> None:
        """Queues a unit."""
        self._left.discard(host_of(unit.transfers[0]))
        self._thread.submit(unit)

    def leave_origin(self, host: str) -> None:
        """Leaves an origin to others, see Engine.leave."""
        self._thread.leave(host, lambda: self._post(self._left.add, host))

    def fetches(self, host: str) -> bool:
        """Whether it may make more requests for its transfers from an origin."""
        return self.assigned.at[host] > 0 and host not in self._left

    def send(self, name: str, *values: Any) -> None:
        """Calls the transfer thread's method of that name."""
        getattr(self._thread, name)(*values)

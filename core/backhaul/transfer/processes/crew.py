"""The workers, in addition to this process: their number, shares of the limits, and total counters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from backhaul.transfer.processes.shares import Shares, split
from backhaul.transfer.processes.this_process import THIS_PROCESS, ThisProcess
from backhaul.transfer.processes.worker_handle import WorkerHandle
from backhaul.transfer.unit import Counters

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_ENOUGH: Final = 128
W = TypeVar("W", bound=WorkerHandle)


class Crew(ABC, Generic[W]):
    """The workers of a run, all with equal shares.

    Args:
        here: this process.
        settings: the user's.
        connections: maximum number of connections.
        post: calls a function on the pool's thread.

    Attributes:
        workers: by number.
        ended: the counters of workers that have ended.
        wanted: number of workers that share the limits.
        enough: minimum number of transfers of an origin that each has at a time.
        waits: this process carries out nothing until the workers are ready.
        started: they were started.
        hopeless: no worker can be started.
    """

    def __init__(
        self,
        here: ThisProcess,
        *,
        settings: "Settings",
        connections: int,
        post: Callable[..., None],
    ) -> None:
        self._here = here
        self._post = post
        self._connections = connections
        self._rate = settings.limit_rate
        self._shares = Shares(connections)
        self._shares.want({THIS_PROCESS: connections})
        list(self._shares.moves())  # its engine was created with them
        self._sharing = False  # whether this process has a share alongside the workers
        self._lasting = False
        self._rates: dict[int, int | None] = {THIS_PROCESS: self._rate}
        self._remembered: dict[str, int] = {}
        self._hosts: dict[int, list[tuple[str, int]]] = {}
        self.wanted = 1
        self.enough = _ENOUGH
        self.waits = True
        self.workers: dict[int, W] = {}
        self.ended = Counters()
        self.started = False
        self.hopeless = False

    # -- starting and ending ------------------------------------------------------------------------

    def prepare(self) -> None:
        """Workers may be wanted soon."""

    @abstractmethod
    def start(self) -> None:
        """Starts all workers, unless they were started already."""

    @abstractmethod
    def lost(self, worker: W, *, expected: bool) -> None:
        """A worker has ended; another one replaces it, unless that was expected."""

    @abstractmethod
    def close(self) -> None:
        """Asks all workers to end after their last results."""

    def ready(self, worker: W) -> None:
        """A worker has started."""
        worker.ready = True
        if self._remembered:
            worker.send("remember", self._fair(self._remembered))
        self.share_out()

    def remove(self, worker: W) -> None:
        """A worker has ended: only its counters are kept."""
        del self.workers[worker.number]
        self.ended.add(replace(worker.counters, active=0, held={}))
        self._shares.left(worker.number)

    @property
    def in_use(self) -> bool:
        """Whether transfers go to workers, or wait for them."""
        return self.started and not self.hopeless and (self.waits or bool(self.usable))

    @property
    def least(self) -> int:
        """Minimum number of transfers per unit, if so many are waiting."""
        return 1

    def tell(self, job: str, name: str, *values: Any) -> None:
        """Sends a message to all workers to which a job was announced."""
        for worker in self.workers.values():
            if worker.knows(job):
                worker.send(name, *values)

    @property
    def usable(self) -> list[W]:
        """Workers that can take units, by number."""
        found = (self.workers[number] for number in sorted(self.workers))
        return [each for each in found if each.ready and self._shares.held(each.number)]

    # -- shares -------------------------------------------------------------------------------------

    def share_with_here(self) -> None:
        """From now on, this process has a share of the connections, even while it is idle."""
        self._lasting = True

    def share_out(self) -> None:
        """Divides the connections among the processes that take part."""
        ready = [number for number, each in self.workers.items() if each.ready]
        if not ready:
            wanted = {THIS_PROCESS: self._connections}
        elif self._sharing:
            parts = split(self._connections, self.wanted + 1)
            wanted = {THIS_PROCESS: parts[-1], **dict(zip(sorted(ready), parts, strict=False))}
        else:
            parts = split(self._connections, self.wanted)
            wanted = dict(zip(sorted(ready), parts, strict=False))
        self._shares.want(wanted)
        for who, connections in self._shares.moves():
            self._tell_share(who, connections)

    def _tell_share(self, who: int, connections: int) -> None:
        rate = self._rates.get(who, self._rate and max(1, self._rate // self.wanted))
        if who == THIS_PROCESS:
            self._here.send(
                "share",
                connections,
                rate,
                lambda: self._post(self.shrunk, THIS_PROCESS, connections),
            )
        elif who in self.workers:
            self.workers[who].send("share", connections, connections, rate)

    def shrunk(self, who: int, connections: int) -> None:
        """A process uses no more than this many connections."""
        self._shares.shrunk(who, connections)
        self.share_out()

    def _share_rate(self) -> None:
        all_of_us: list[ThisProcess | W] = [self._here, *self.workers.values()]
        busy = [each.number for each in all_of_us if each.is_busy]
        rate = self._rate and max(1, self._rate // max(1, len(busy)))
        for who in busy:
            if self._rates.get(who) != rate:
                self._rates[who] = rate
                self._tell_share(who, self._shares.held(who))

    def watch(self) -> None:
        """Divides the limits again if other processes are busy now; called often."""
        sharing = self._lasting or self._here.is_busy
        if self.started and sharing != self._sharing:
            self._sharing = sharing
            self.share_out()
        if self._rate:
            self._share_rate()

    # -- hosts --------------------------------------------------------------------------------------

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""
        for host, connections in hosts.items():
            self._remembered.setdefault(host, connections)
        for worker in self.workers.values():
            worker.send("remember", self._fair(hosts))

    def _fair(self, hosts: Mapping[str, int]) -> dict[str, int]:
        return {host: max(1, number // self.wanted) for host, number in hosts.items()}

    def figures(self, worker: W, counters: Counters, hosts: list[tuple[str, int]]) -> None:
        """A worker reports its counters and how many connections its origins allow."""
        worker.counters = counters
        self._hosts[worker.number] = hosts

    def hosts(self) -> Mapping[str, int]:
        """How many connections each of the workers' origins allows; callable from any thread."""
        found: dict[str, list[int]] = {}
        for hosts in list(self._hosts.values()):
            for host, connections in hosts:
                found.setdefault(host, []).append(connections)
        # A worker without transfers of an origin would have been allowed as many as the others.
        return {host: sum(each) * self.wanted // len(each) for host, each in found.items()}

"""The workers: starts them, replaces those that die, and shares out the limits."""

import logging
import os
import selectors
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from backhaul.transfer.hosts import START
from backhaul.transfer.processes.here import HERE, Here
from backhaul.transfer.processes.shares import Shares, split
from backhaul.transfer.processes.worker import WorkerProcess
from backhaul.transfer.unit import Counters

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

log = logging.getLogger(__name__)

_MOST: Final = 8  # workers of ``auto``
_FALSE_STARTS: Final = 3  # workers that die before they are ready, until none is started any more


class Crew:
    """The workers of a run, all with equal shares.

    Args:
        here: this process.
        selector: watches the workers' sockets, with the worker as data.
        settings: the user's.
        connections: maximum number of connections.
        post: calls a function on the pool's thread.

    Attributes:
        workers: by number.
        ended: the counters of workers that have ended.
        wanted: number of workers, once they are started.
        waits: nothing is carried out here until the workers are ready.
        started: they were started.
        hopeless: none can be started.
    """

    def __init__(
        self,
        here: Here,
        selector: selectors.BaseSelector,
        *,
        settings: "Settings",
        connections: int,
        post: Callable[..., None],
    ) -> None:
        self._here = here
        self._selector = selector
        self._settings = settings
        self._post = post
        per_host = min(settings.connections_per_host, connections)
        self.waits = settings.workers != "auto"
        asked = min(_MOST, _cores()) if settings.workers == "auto" else settings.workers
        self.wanted = max(1, min(asked, per_host))
        self._per_host = split(per_host, self.wanted)
        self._connections = connections
        self._rate = settings.limit_rate
        self._shares = Shares(connections)
        self._shares.want({HERE: connections})
        list(self._shares.moves())  # it was created with them
        self._sharing = False  # whether this process has a share while the workers have theirs
        self._lasting = False
        self._rates: dict[int, int | None] = {HERE: self._rate}
        self._remembered: dict[str, int] = {}
        self._hosts: dict[int, list[tuple[str, int]]] = {}
        self._false_starts = 0
        self._watched: dict[int, int] = {}
        self._closing = False
        self.workers: dict[int, WorkerProcess] = {}
        self.ended = Counters()
        self.started = False
        self.hopeless = False

    # -- starting and ending ------------------------------------------------------------------------

    def start(self) -> None:
        """Starts all workers, unless they were."""
        if not self.started:
            self.started = True
            for number in range(self.wanted):
                self._start(number)

    def _start(self, number: int) -> None:
        share = self._settings.model_copy(
            update={
                "connections": self._connections,
                "connections_per_host": self._per_host[number],
            }
        )
        try:
            worker = WorkerProcess(number, share, start=max(1, START // self.wanted))
        except OSError as error:
            log.warning("cannot start a worker process: %s; using one process", error)
            self.hopeless = True
            return
        self.workers[number] = worker
        self._watch(worker)

    def ready(self, worker: WorkerProcess) -> None:
        """A worker has started."""
        worker.ready = True
        if self._remembered:
            worker.send("remember", self._fair(self._remembered))
        self.share_out()

    def lost(self, worker: WorkerProcess, *, expected: bool) -> None:
        """A worker has ended; another one takes its place, unless that was expected."""
        self._selector.unregister(worker.line)
        del self._watched[worker.number]
        code = worker.end()
        del self.workers[worker.number]
        self._keep(worker.counters)
        self._shares.left(worker.number)
        if expected or self._closing:
            return
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if not worker.ready:
            self._false_starts += 1
        if self._false_starts >= _FALSE_STARTS:
            if not self.hopeless:
                log.warning("worker processes cannot start: the last %s; using one process", how)
            self.hopeless = True
            return
        log.warning("a worker process %s; its transfers are repeated", how)
        self._start(worker.number)

    def _keep(self, its: Counters) -> None:
        ended = self.ended
        ended.bytes += its.bytes
        ended.requests += its.requests
        ended.finished += its.finished
        ended.retries += its.retries
        for job, size in its.by_job.items():
            ended.by_job[job] = ended.by_job.get(job, 0) + size

    def close(self) -> None:
        """Asks all workers to end after their last results."""
        self._closing = True
        for worker in self.workers.values():
            worker.send("close")

    def kill(self) -> None:
        """Ends the workers that are left."""
        for worker in self.workers.values():
            worker.end()

    @property
    def in_use(self) -> bool:
        """Whether transfers go to workers, or wait for them."""
        return self.started and not self.hopeless and (self.waits or bool(self.usable))

    def tell(self, job: str, name: str, *values: Any) -> None:
        """Sends a message to all workers that know a job."""
        for worker in self.workers.values():
            if worker.has_begun(job):
                worker.send(name, *values)

    @property
    def usable(self) -> list[WorkerProcess]:
        """Workers that can take units, by number."""
        found = (self.workers[number] for number in sorted(self.workers))
        return [each for each in found if each.ready and self._shares.held(each.number)]

    # -- shares -------------------------------------------------------------------------------------

    def share_with_here(self) -> None:
        """From now on, this process has a share of the connections, even while it is idle."""
        self._lasting = True

    def share_out(self) -> None:
        """Shares out the connections among those who take part."""
        ready = [number for number, each in self.workers.items() if each.ready]
        if not ready:
            wanted = {HERE: self._connections}
        elif self._sharing:
            parts = split(self._connections, self.wanted + 1)
            wanted = {HERE: parts[-1], **{number: parts[number] for number in ready}}
        else:
            parts = split(self._connections, self.wanted)
            wanted = {number: parts[number] for number in ready}
        self._shares.want(wanted)
        for who, connections in self._shares.moves():
            self._tell_share(who, connections)

    def _tell_share(self, who: int, connections: int) -> None:
        rate = self._rates.get(who, self._rate and max(1, self._rate // self.wanted))
        if who == HERE:
            self._here.send(
                "share", connections, rate, lambda: self._post(self.shrunk, HERE, connections)
            )
        elif who in self.workers:
            self.workers[who].send("share", connections, connections, rate)

    def shrunk(self, who: int, connections: int) -> None:
        """Someone uses no more than so many connections."""
        self._shares.shrunk(who, connections)
        self.share_out()

    def _share_rate(self) -> None:
        all_of_us: list[Here | WorkerProcess] = [self._here, *self.workers.values()]
        busy = [each.number for each in all_of_us if each.given]
        rate = self._rate and max(1, self._rate // max(1, len(busy)))
        for who in busy:
            if self._rates.get(who) != rate:
                self._rates[who] = rate
                self._tell_share(who, self._shares.held(who))

    def watch(self) -> None:
        """Shares out the limits again if others are busy now; watches for room to send."""
        sharing = self._lasting or bool(self._here.given)
        if self.started and sharing != self._sharing:
            self._sharing = sharing
            self.share_out()
        if self._rate:
            self._share_rate()
        for worker in self.workers.values():
            self._watch(worker)

    def _watch(self, worker: WorkerProcess) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.is_waiting else 0)
        before = self._watched.get(worker.number)
        if before is None:
            self._selector.register(worker.line, events, worker)
        elif before != events:
            self._selector.modify(worker.line, events, worker)
        self._watched[worker.number] = events

    # -- hosts --------------------------------------------------------------------------------------

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""
        for host, connections in hosts.items():
            self._remembered.setdefault(host, connections)
        for worker in self.workers.values():
            worker.send("remember", self._fair(hosts))

    def _fair(self, hosts: Mapping[str, int]) -> dict[str, int]:
        return {host: max(1, number // self.wanted) for host, number in hosts.items()}

    def figures(
        self, worker: WorkerProcess, counters: tuple[Any, ...], hosts: list[tuple[str, int]]
    ) -> None:
        """A worker reports its counters and how many connections its origins allow."""
        worker.counters = Counters(*counters)
        self._hosts[worker.number] = hosts

    def hosts(self) -> Mapping[str, int]:
        """How many connections each of the workers' origins allows; callable from any thread."""
        found: dict[str, list[int]] = {}
        for hosts in list(self._hosts.values()):
            for host, connections in hosts:
                found.setdefault(host, []).append(connections)
        # A worker that had nothing of an origin would have been allowed as much as the others.
        return {host: sum(each) * self.wanted // len(each) for host, each in found.items()}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

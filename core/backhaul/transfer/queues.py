"""Waiting transfers in starting order: references to rows of the table."""

from collections.abc import Collection, Mapping
from heapq import heapify, heappop, heappush
from math import inf

from backhaul.http.pacing import Pacer, SourcePace
from backhaul.transfer.body import Body, State
from backhaul.transfer.hosts import START, Host
from backhaul.types import Pace


class Queues:
    """Transfers that may start now, later, or once their job is no longer paused.

    Args:
        per_host: maximum number of connections to one origin.
        remembered: how many each origin allowed last time; may be updated later.
        start: number of connections to an origin that none is remembered for.

    Attributes:
        hosts: by origin, each with its waiting transfers by priority, then number.
        later: transfers that wait for a retry: a heap of (monotonic time, number, body).
        split: segmented files, which idle connections continue.
        paused: paused jobs, each with the transfers that would have started.
        paces: the provider's pace, by origin.
        left: origins to which other processes make the requests from now on.
        slowed: by the pace of a source, the transfers that wait for it: heaps like those of the hosts.
    """

    def __init__(self, *, per_host: int, remembered: Mapping[str, int], start: int = START) -> None:
        self._per_host = per_host
        self._start_with = start
        self._remembered = remembered
        self.hosts: dict[str, Host] = {}
        self.later: list[tuple[float, int, Body]] = []
        self.segmented: set[Body] = set()
        self.paused: dict[str, list[Body]] = {}
        self.paces: dict[str, Pace] = {}
        self.left: set[str] = set()
        self._pacers: dict[str, Pacer] = {}  # by job, of its source
        self.slowed: dict[Pacer, list[tuple[int, int, Body]]] = {}

    def host(self, name: str) -> Host:
        """The origin of that name."""
        host = self.hosts.get(name)
        if host is None:
            host = Host(
                name,
                ceiling=self._per_host,
                start=self._remembered.get(name, self._start_with),
                pace=self.paces.get(name),
            )
            self.hosts[name] = host
        return host

    def keep_pace(self, name: str, pace: Pace) -> None:
        """Limits requests to an origin; of several paces, the slowest counts."""
        known = self.paces.get(name)
        if known is not None and (known.per_second or inf) < (pace.per_second or inf):
            return
        self.paces[name] = pace
        if name in self.hosts:
            self.hosts[name].keep_pace(pace)

    def put(self, body: Body) -> None:
        """Queues a transfer to start or continue."""
        host = self.host(body.origin)
        body.state = State.QUEUED
        if self.paused and body.transfer.job in self.paused:
            self.paused[body.transfer.job].append(body)
        elif body.segment_map is not None:
            body.state = State.ACTIVE
            self.segmented.add(body)
        elif (pacer := self._pacers.get(body.transfer.job)) is not None:
            self._slow(pacer, body)
        else:
            host.push(body)

    def retry(self, body: Body, when: float) -> None:
        """Continues a transfer at a monotonic time."""
        body.state = State.BACKOFF
        heappush(self.later, (when, body.number, body))

    def wake(self, now: float) -> None:
        """Queues transfers whose time has come."""
        while self.later and self.later[0][0] <= now:
            self.put(heappop(self.later)[2])

    # -- the pace of a source -----------------------------------------------------------------------

    def keep_source_pace(self, job: str, pace: SourcePace) -> None:
        """Limits the requests of a job's source, to all its hosts together."""
        self._pacers[job] = Pacer.shared(pace)

    def forget_source(self, job: str) -> None:
        """Ends a job that has no transfers left."""
        if self._pacers.pop(job, None) is not None:
            self.slowed = {pacer: waiting for pacer, waiting in self.slowed.items() if waiting}

    def next_turns(self) -> None:
        """Queues the next transfer of each source that may make a request."""
        for pacer, waiting in self.slowed.items():
            if waiting and pacer.wait("") <= 0:
                body = heappop(waiting)[2]
                self.host(body.origin).push(body)

    def until_next_turn(self) -> float:
        """Seconds until a source with waiting transfers may make a request."""
        return min(
            (pacer.wait("") for pacer, waiting in self.slowed.items() if waiting), default=inf
        )

    def until_turn(self, body: Body) -> float:
        """Seconds until the transfer's source may make a request; 0: now."""
        pacer = self._pacers.get(body.transfer.job)
        return 0.0 if pacer is None else pacer.wait("")

    def slow(self, body: Body) -> bool:
        """Whether a transfer must wait for its source's pace; if so, it does from now on."""
        pacer = self._pacers.get(body.transfer.job)
        if pacer is None or pacer.wait("") <= 0:
            return False
        self._slow(pacer, body)
        return True

    def started(self, body: Body) -> None:
        """A request of the transfer starts."""
        pacer = self._pacers.get(body.transfer.job)
        if pacer is not None:
            pacer.reserve("")

    def _slow(self, pacer: Pacer, body: Body) -> None:
        entry = (body.transfer.priority, body.number, body)
        heappush(self.slowed.setdefault(pacer, []), entry)

    # -- whole jobs ---------------------------------------------------------------------------------

    def pause(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs; active ones continue."""
        new = [job for job in jobs if job not in self.paused]
        if new:
            self.paused.update((job, []) for job in new)
            for body in self._leave_hosts(new):
                self.paused[body.transfer.job].append(body)

    def resume(self, job: str) -> list[Body]:
        """Ends a job's pause; returns the transfers to queue again."""
        return self.paused.pop(job, [])

    def take(self, jobs: Collection[str]) -> list[Body]:
        """Removes and returns the transfers of some jobs that have not started."""
        taken = self._leave_hosts(jobs)
        for job in jobs:
            if job in self.paused:
                taken += self.paused[job]
                self.paused[job] = []
        return taken

    def take_new(self, name: str) -> list[Body]:
        """Removes and returns an origin's transfers of which nothing was requested yet."""
        host = self.hosts.get(name)
        if host is None:
            return []
        jobs = {entry[2].transfer.job for entry in host.ready}
        left = host.leave(jobs)
        for body in left:
            if not body.is_new:
                host.push(body)
        return [body for body in left if body.is_new]

    def drop(self, jobs: Collection[str]) -> None:
        """Removes all transfers of some jobs except segmented ones, which end with their connections."""
        self.take(jobs)
        self.later = [entry for entry in self.later if entry[2].transfer.job not in jobs]
        heapify(self.later)

    def _leave_hosts(self, jobs: Collection[str]) -> list[Body]:
        left: list[Body] = []
        for host in self.hosts.values():
            left += host.leave(jobs)
        for waiting in self.slowed.values():
            leaving = [entry[2] for entry in waiting if entry[2].transfer.job in jobs]
            if leaving:
                left += leaving
                waiting[:] = [entry for entry in waiting if entry[2].transfer.job not in jobs]
                heapify(waiting)
        return left

"""Starts waiting transfers."""

import time

from backhaul.errors import FailureKind
from backhaul.transfer.body import Body, State
from backhaul.transfer.condition import condition
from backhaul.transfer.hosts import Host
from backhaul.transfer.outcome import Failed, Stale
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure, Transfer

_SCARCE = 5.0  # seconds
_PAST = Failure(kind=FailureKind.EXPIRED, message="its link has expired")


class Scheduler:
    """Starts what hosts, rate and number of connections allow; ``most``: how many at most."""

    def __init__(self, shared: Shared, *, most: int) -> None:
        self._report = shared.report
        self._table = shared.table
        self._queues = shared.queues
        self._connections = shared.connections
        self._parts = shared.parts
        self._counters = shared.counters
        self._rate = shared.rate
        self._most = self._wished = most
        self._grow_at = 0.0

    @property
    def most(self) -> int:
        """The current maximum number of connections."""
        return self._most

    def change(self, most: int) -> None:
        """From now on, this is the maximum number of connections; active ones continue."""
        self._most = self._wished = most

    def fewer(self, now: float) -> None:
        """No descriptors were left for another connection; reduces their number for a while."""
        self._most = max(1, min(self._most, self._counters.active) // 2)
        self._grow_at = now + _SCARCE

    def start(self, now: float) -> float:
        """Starts transfers; returns the seconds until more may start."""
        wait = 60.0
        if self._most < self._wished and now >= self._grow_at:
            self._most = min(self._wished, 2 * self._most)
            self._grow_at = now + _SCARCE
        self._queues.next_turns()
        for host in self._queues.hosts.values():
            while host.ready and (host.active < host.limit or host.down is not None):
                if host.down is not None and host.active:
                    break  # a good response among active requests may clear it
                if host.down is None:
                    if self._counters.active >= self._most:
                        return wait
                    pause = max(host.wait(now), self._rate.wait(now))
                    if pause > 0:
                        wait = min(wait, pause)
                        break
                self._take(host, host.pop())
        return min(wait, self._queues.until_next_turn())

    def _take(self, host: Host, body: Body) -> None:
        if host.down is not None:
            self._parts.keep_for_later(body)
            self._table.remove(body)
            self._report(Failed(body.transfer, host.down))
        elif _has_expired(body.transfer):
            self._table.park(body)
            self._report(Stale(body.transfer, _PAST, body.gained))
        elif not self._queues.slow(body):
            self._begin(host, body)

    def _begin(self, host: Host, body: Body) -> None:
        extra = body.range_headers() if body.size else condition(body.transfer)
        if body.size and not extra:
            body.forget()  # the server does not support ranges
        body.state = State.ACTIVE
        self._connections.launch(host, body, None, extra)


def _has_expired(transfer: Transfer) -> bool:
    """Whether the link was valid when submitted and has expired since."""
    expires = transfer.request.expires
    if expires is None or not transfer.good_until:
        return False
    return time.time() >= transfer.good_until

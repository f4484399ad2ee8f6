"""Starts waiting transfers."""

import time
from collections.abc import Callable

from backhaul.errors import FailureKind
from backhaul.transfer.body import Body
from backhaul.transfer.condition import condition
from backhaul.transfer.connections import Connections
from backhaul.transfer.hosts import Host
from backhaul.transfer.outcome import Failed, Outcome, Stale
from backhaul.transfer.parts import Parts
from backhaul.transfer.queues import Queues
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.state import State
from backhaul.transfer.table import Table
from backhaul.transfer.unit import Counters, Failure, Transfer

_SCARCE = 5.0  # seconds
_PAST = Failure(kind=FailureKind.EXPIRED, message="its link has expired")


class Scheduler:
    """Starts what hosts, rate and number of connections allow.

    Args:
        report: receives outcomes.
        table, queues, connections, parts, counters, rate: the engine's.
        most: maximum number of connections.
    """

    def __init__(
        self,
        report: Callable[[Outcome], None],
        table: Table,
        queues: Queues,
        connections: Connections,
        parts: Parts,
        *,
        counters: Counters,
        rate: RateLimit,
        most: int,
    ) -> None:
        self._report = report
        self._table = table
        self._queues = queues
        self._connections = connections
        self._parts = parts
        self._counters = counters
        self._rate = rate
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
            self._parts.put_away(body)
            self._table.remove(body)
            self._report(Failed(body.transfer, host.down))
        elif _outlived(body.transfer):
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


def _outlived(transfer: Transfer) -> bool:
    """Whether the link was valid when submitted and has expired since."""
    expires = transfer.request.expires
    if expires is None or not transfer.good_until:
        return False
    return time.time() >= transfer.good_until

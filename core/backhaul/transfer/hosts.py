"""Adapts the number of connections per host: grows while that helps, shrinks on push-back."""

import random
from collections.abc import Collection
from heapq import heapify, heappop, heappush

from backhaul.backoff import delay
from backhaul.http.pacing import Pacer
from backhaul.transfer.body import Body
from backhaul.transfer.unit import Failure
from backhaul.types import Pace

START = 16
# Throughput is measured until each connection has had a response, for at least these seconds.
_WINDOW = 0.25
_SLOW = 0.05  # if there is exactly one response per connection: the host is slow, and more may help soon
_LONGEST_WINDOW = 2.0  # seconds of a measurement of large responses
_GAIN = 1.1  # minimum gain in throughput to keep growing
_HANDSHAKE = 3  # response times until a new connection sends its first request: TCP and TLS
_LONGEST = 20.0  # maximum seconds of a pause chosen by us
_IN_A_ROW = 4
_HOPELESS = 8
PATIENCE = 900.0  # maximum seconds of a Retry-After that are waited for
_PROBE = 3.0  # maximum seconds before growth is tried again after it did not help
_SOON = 0.5  # after the first time, which may be chance, twice as long; then twice that, and so on


class Host:
    """One origin: waiting transfers, active connections and their limit."""

    __slots__ = (
        "_best", "_count", "_grown_from", "_idle", "_in_a_row", "_pacer", "_peak", "_probe", "_refused", "_rejected_at", "_settled", "_since", "_size", "_threshold",
        "active", "ceiling", "down", "limit", "lost", "more", "name", "not_before", "offset", "pushbacks", "ready",
    )  # fmt: skip

    def __init__(self, name: str, *, ceiling: int, start: int | None, pace: Pace | None) -> None:
        self.name = name
        self.ceiling = ceiling
        self.limit = max(1, min(ceiling, start or START))
        self.active = 0
        self.lost = 0  # consecutive files given up
        self.down: Failure | None = None  # why the remaining files are not tried
        self.more = False  # segments of large files wait, in addition to `ready`
        self.ready: list[tuple[int, int, Body]] = []
        self.not_before = 0.0
        self.pushbacks = 0
        self.offset: float | None = None
        self._pacer = None if pace is None else Pacer.shared(pace)
        self._best = 0.0
        self._grown_from = 0
        self._idle = True
        self._rejected_at = -_PROBE
        self._probe = _SOON
        self._peak = 0
        self._settled = 0.0
        self._threshold = 0
        self._refused = 0
        self._in_a_row = 0
        self._since = 0.0
        self._count = 0
        self._size = 0

    def keep_pace(self, pace: Pace) -> None:
        """From now on, requests keep this pace."""
        self._pacer = Pacer.shared(pace)

    def push(self, body: Body) -> None:
        """Queues a transfer by priority, then by number."""
        heappush(self.ready, (body.transfer.priority, body.number, body))

    def pop(self) -> Body:
        """Removes and returns the next transfer."""
        return heappop(self.ready)[2]

    def leave(self, jobs: Collection[str]) -> list[Body]:
        """Removes the queued transfers of some jobs."""
        left = [entry[2] for entry in self.ready if entry[2].transfer.job in jobs]
        if left:
            self.ready = [entry for entry in self.ready if entry[2].transfer.job not in jobs]
            heapify(self.ready)
        return left

    def wait(self, now: float) -> float:
        """Seconds until the next request is allowed; 0: now."""
        until = self.not_before
        wait = max(0.0, until - now)
        return wait if self._pacer is None else max(wait, self._pacer.wait(self.name))

    def started(self) -> None:
        """A request starts."""
        if self._idle:
            self._idle = False
            self._since = 0.0
        self.active += 1
        if self.active > self._peak:  # noqa: PLR1730 - a call of max() costs more, for each request
            self._peak = self.active
        if self._pacer is not None:
            self._pacer.reserve(self.name)

    def finished(self, now: float, size: int, *, good: bool) -> None:
        """A request has ended with ``size`` bytes; successful ones drive growth."""
        self.active -= 1
        if not self.active:  # a single connection has pauses, too
            self._idle = not self.ready and not self.more
        if not good:
            return
        self.pushbacks = 0
        self._in_a_row = 0
        self.lost = 0
        if self.down is not None:  # it had requested a longer pause than we wait
            self.down = None
            self.not_before = now
        self._count += 1
        self._size += size
        if self._since < self._settled <= now:
            self._restart(now)  # what new connections gain shows from here
            return
        span = now - self._since
        if span >= self._window(self._count):
            self._look(now, span)

    def file_failed(self, failure: Failure) -> None:
        """A file failed because of the host.

        After several in a row, the rest would fail as well, only slower. One good response resets this.
        """
        self.lost += 1
        patience = failure.retry_after is None or failure.retry_after <= PATIENCE
        if self.lost >= _HOPELESS or not patience:
            message = f"not tried: {failure.message}"
            self.down = Failure(kind=failure.kind, message=message, untried=True)

    def pushed_back(self, now: float, retry_after: float | None) -> None:
        """The host asks for fewer requests.

        A single refusal among many responses is specific to that transfer. Several in a row, more than a
        tenth of the responses, or a Retry-After concern the host: halves the connections after a pause.
        Responses to one burst count once.
        """
        if retry_after is not None:
            retry_after = min(retry_after, PATIENCE)
        self._refused += 1
        self._in_a_row += 1
        often = self._refused > 1 and self._refused * 10 > self._count + self._refused
        if retry_after is None and self._in_a_row < _IN_A_ROW and not often:
            return
        if now < self.not_before:
            if retry_after is not None:
                self.not_before = max(self.not_before, now + retry_after)
            return
        self.pushbacks += 1
        self._threshold = self.limit
        self.limit = max(1, self.limit // 2)
        self._rejected_at = now
        self._probe = _PROBE
        pause = delay(self.pushbacks - 1, retry_after, base=0.25, cap=_LONGEST, rng=random.random)
        self.not_before = now + pause
        self._grown_from = 0
        self._restart(now)

    def _window(self, responses: int) -> float:
        """Seconds for which so many responses are measured."""
        if responses < self.limit:
            return _LONGEST_WINDOW
        return _SLOW if responses == self.limit and not self._threshold else _WINDOW

    def _look(self, now: float, span: float) -> None:
        if not self._since:
            self._restart(now)
            return
        # A file counts as 16 KB in addition to its bytes: for small files, requests are the work.
        rate = (self._size + 16384 * self._count) / span
        saturated = self._peak >= self.limit - 1 and (bool(self.ready) or self.more)
        lost = self._grown_from and rate < self._best * _GAIN
        if lost and now < self._settled:
            self._restart(now)
            return
        if lost:
            self.limit = self._grown_from
            self._rejected_at = now
            self._probe = min(_PROBE, self._probe * 2)
        self._grown_from = 0
        if saturated and not lost and self.limit < self._threshold:
            self.limit = min(self._threshold, self.limit + max(1, self.limit // 4))
        elif saturated and self.limit < self.ceiling and now - self._rejected_at > self._probe:
            self._grown_from = self.limit
            taken = span * self.limit / self._count  # seconds for a response
            self._settled = now + min(_LONGEST_WINDOW, _HANDSHAKE * taken)
            self.limit = min(self.ceiling, self.limit * 2)
        self._best = rate
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._since = now
        self._refused = 0
        self._count = 0
        self._size = 0
        self._peak = self.active

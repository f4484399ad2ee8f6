"""How much each host is asked at once: grows while that helps, falls when the host pushes back."""

import random
from collections.abc import Collection
from heapq import heapify, heappop, heappush

from backhaul.backoff import delay
from backhaul.http.pacing import Pacer
from backhaul.transfer.body import Body
from backhaul.transfer.unit import Failure
from backhaul.types import Pace

START = 16
_WINDOW = 0.25  # seconds between two looks at the throughput
_GAIN = 1.1  # what growing must bring to be kept
_LONGEST = 20.0  # seconds of pause that we choose ourselves
_IN_A_ROW = 4
_HOPELESS = 8
PATIENCE = 900.0  # seconds of a Retry-After that are waited for
_PROBE = 3.0  # seconds until growth is tried again after it did not help


class Host:
    """One origin: who waits for it, how many are under way, how many may be."""

    __slots__ = (
        "_best", "_count", "_grown_from", "_in_a_row", "_next_look", "_pacer", "_refused", "_rejected_at", "_since", "_size", "_threshold",
        "active", "ceiling", "down", "limit", "lost", "more", "name", "not_before", "offset", "pushbacks", "ready",
    )  # fmt: skip

    def __init__(self, name: str, *, ceiling: int, start: int | None, pace: Pace | None) -> None:
        self.name = name
        self.ceiling = ceiling
        self.limit = max(1, min(ceiling, start or START))
        self.active = 0
        self.lost = 0  # files given up in a row
        self.down: Failure | None = None  # why the others are not even tried
        self.more = False  # segments of large files wait, beside those in `ready`
        self.ready: list[tuple[int, int, Body]] = []
        self.not_before = 0.0
        self.pushbacks = 0
        self.offset: float | None = None
        self._pacer = None if pace is None else Pacer.shared(pace)
        self._best = 0.0
        self._grown_from = 0
        self._rejected_at = -_PROBE
        self._threshold = 0
        self._refused = 0
        self._in_a_row = 0
        self._next_look = 0.0
        self._since = 0.0
        self._count = 0
        self._size = 0

    def push(self, body: Body) -> None:
        """Queues a transfer: by priority, then by number."""
        heappush(self.ready, (body.transfer.priority, body.number, body))

    def pop(self) -> Body:
        """The next one."""
        return heappop(self.ready)[2]

    def leave(self, jobs: Collection[str]) -> list[Body]:
        """Takes out what is queued of some jobs."""
        left = [entry[2] for entry in self.ready if entry[2].transfer.job in jobs]
        if left:
            self.ready = [entry for entry in self.ready if entry[2].transfer.job not in jobs]
            heapify(self.ready)
        return left

    def wait(self, now: float) -> float:
        """Seconds until the host may be asked again; 0: now."""
        until = self.not_before
        wait = max(0.0, until - now)
        return wait if self._pacer is None else max(wait, self._pacer.wait(self.name))

    def started(self) -> None:
        """A request goes out."""
        self.active += 1
        if self._pacer is not None:
            self._pacer.reserve(self.name)

    def finished(self, now: float, size: int, *, good: bool) -> None:
        """A request is over; ``size`` bytes came. Good ones drive growth."""
        self.active -= 1
        if not good:
            return
        self.pushbacks = 0
        self._in_a_row = 0
        self.lost = 0
        if self.down is not None:  # the pause that it asked for was longer than we wait
            self.down = None
            self.not_before = now
        self._count += 1
        self._size += size
        if now >= self._next_look:
            self._look(now)

    def gave_up(self, failure: Failure) -> None:
        """A file could not be had for the host's sake.

        After so many in a row the rest would fare no better, only take longer; one good answer and
        all is forgotten.
        """
        self.lost += 1
        patience = failure.retry_after is None or failure.retry_after <= PATIENCE
        if self.lost >= _HOPELESS or not patience:
            self.down = Failure(kind=failure.kind, message=f"not tried any more: {failure.message}")

    def pushed_back(self, now: float, retry_after: float | None) -> None:
        """The host asks for less.

        A lone refusal among many answers is that transfer's own trouble. Several in a row, more
        than a tenth of the answers, or a Retry-After are the host's: half as many connections,
        after a pause. Answers to one burst count once.
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
        pause = delay(self.pushbacks - 1, retry_after, base=0.25, cap=_LONGEST, rng=random.random)
        self.not_before = now + pause
        self._grown_from = 0
        self._restart(now)

    def _look(self, now: float) -> None:
        span = now - self._since
        if not self._since or span > 8 * _WINDOW:
            self._restart(now)
            return
        # A file counts as 16 KB beside its bytes: for small files the requests are the work.
        rate = (self._size + 16384 * self._count) / span
        saturated = self.active >= self.limit - 1 and (bool(self.ready) or self.more)
        lost = self._grown_from and rate < self._best * _GAIN
        if lost:
            self.limit = self._grown_from
            self._rejected_at = now
        self._grown_from = 0
        if saturated and not lost and self.limit < self._threshold:
            self.limit = min(self._threshold, self.limit + max(1, self.limit // 4))
        elif saturated and self.limit < self.ceiling and now - self._rejected_at > _PROBE:
            self._grown_from = self.limit
            self.limit = min(self.ceiling, self.limit * 2)
        self._best = rate
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._since = now
        self._refused = 0
        self._count = 0
        self._size = 0
        self._next_look = now + _WINDOW

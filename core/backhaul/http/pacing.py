"""Not faster than agreed: a token bucket an origin."""

import math
import threading
import time
from collections.abc import Callable

from backhaul.types import Pace


class Pacer:
    """Says how long to wait before the next call to an origin.

    Args:
        pace: calls a second and burst; None or no rate: never waits.
        clock: monotonic seconds.
    """

    def __init__(self, pace: Pace | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1.0 / pace.per_second if pace and pace.per_second else 0.0
        self._allowance = self._interval * (max(1, pace.burst) - 1) if pace else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def reserve(self, origin: str) -> float:
        """Take the next turn at `origin`; seconds until it comes (0: now)."""
        with self._lock:
            now = self._clock()
            held = max(self._not_before.get(origin, now), self._not_before.get("", now))
            # Due times run on by one interval a call; a rested origin may lag by the burst.
            due = max(self._due.get(origin, -math.inf), now - self._allowance)
            self._due[origin] = due + self._interval
            return max(0.0, due - now, held - now)

    def hold(self, seconds: float, origin: str = "") -> None:
        """No call to `origin` (without one: to any) for so long."""
        with self._lock:
            until = self._clock() + max(0.0, seconds)
            self._not_before[origin] = max(until, self._not_before.get(origin, until))

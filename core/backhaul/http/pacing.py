"""Rate limiting: a token bucket per origin, shared by all sessions with the same pace."""

import math
import threading
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from backhaul.types import Pace


class Pacer:
    """Computes how long to wait before the next call to an origin.

    Args:
        pace: calls per second and burst; never waits if None or without a rate.
        clock: monotonic time in seconds.
    """

    def __init__(self, pace: Pace | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1.0 / pace.per_second if pace and pace.per_second else 0.0
        self._allowance = self._interval * (max(1, pace.burst) - 1) if pace else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    @staticmethod
    def shared(pace: Pace | None) -> "Pacer":
        """The pacer for this pace: jobs of one provider share its API's limit."""
        if pace is None:
            return Pacer(None)
        with _sharing:
            pacer = _shared.get(pace)
            if pacer is None:
                pacer = _shared[pace] = Pacer(pace)
            return pacer

    def reserve(self, origin: str) -> float:
        """Reserve the next call to `origin`; returns the seconds to wait for it (0: none)."""
        with self._lock:
            now = self._clock()
            held = self._not_before.get(origin, now)
            # Each call advances the due time by one interval; an idle origin accumulates up to the burst.
            due = max(self._due.get(origin, -math.inf), now - self._allowance)
            self._due[origin] = due + self._interval
            return max(0.0, due - now, held - now)

    def wait(self, origin: str) -> float:
        """Seconds until a call to `origin` would be allowed (0: now); reserves nothing."""
        with self._lock:
            now = self._clock()
            held = self._not_before.get(origin, now)
            due = max(self._due.get(origin, -math.inf), now - self._allowance)
            return max(0.0, due - now, held - now)

    def hold(self, seconds: float, origin: str) -> None:
        """Block calls to `origin` for a number of seconds."""
        with self._lock:
            until = self._clock() + max(0.0, seconds)
            self._not_before[origin] = max(until, self._not_before.get(origin, until))


_sharing = threading.Lock()
_shared: WeakValueDictionary[Pace, Pacer] = WeakValueDictionary()

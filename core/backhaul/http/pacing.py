"""Rate limiting: a token bucket per origin or per source, shared by everything that must respect it."""

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakValueDictionary

from backhaul.types import Pace


class SourcePace(NamedTuple):
    """The pace of one source, over all its hosts together; plain and picklable.

    Attributes:
        source: identifies the source.
        pace: its limit.
    """

    source: str
    pace: Pace


class Pacer:
    """Computes how long to wait before the next call to an origin.

    Args:
        pace: calls per second and burst; never waits if None or without a rate.
        together: the pace is that of all origins together rather than of each.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        pace: Pace | None,
        *,
        together: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._together = together
        self._interval = 1.0 / pace.per_second if pace and pace.per_second else 0.0
        self._allowance = self._interval * (max(1, pace.burst) - 1) if pace else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    @staticmethod
    def shared(pace: Pace | SourcePace | None) -> "Pacer":
        """The pacer for this pace: jobs of one provider share its API's limit, jobs of a source its own."""
        if pace is None:
            return Pacer(None)
        with _sharing:
            pacer = _shared.get(pace)
            if pacer is None:
                if isinstance(pace, SourcePace):
                    pacer = Pacer(pace.pace, together=True)
                else:
                    pacer = Pacer(pace)
                _shared[pace] = pacer
            return pacer

    def reserve(self, origin: str) -> float:
        """Reserve the next call to `origin`; returns the seconds to wait for it (0: none)."""
        with self._lock:
            now = self._clock()
            held = self._not_before.get(origin, now)
            # Each call advances the due time by one interval; an idle origin accumulates up to the burst.
            due = self._next(origin, now)
            self._due["" if self._together else origin] = due + self._interval
            return max(0.0, due - now, held - now)

    def wait(self, origin: str) -> float:
        """Seconds until a call to `origin` would be allowed (0: now); reserves nothing."""
        with self._lock:
            now = self._clock()
            held = self._not_before.get(origin, now)
            return max(0.0, self._next(origin, now) - now, held - now)

    def hold(self, seconds: float, origin: str) -> None:
        """Block calls to `origin` for a number of seconds."""
        with self._lock:
            until = self._clock() + max(0.0, seconds)
            self._not_before[origin] = max(until, self._not_before.get(origin, until))

    def _next(self, origin: str, now: float) -> float:
        due = self._due.get("" if self._together else origin, -math.inf)
        return max(due, now - self._allowance)


_sharing = threading.Lock()
_shared: WeakValueDictionary[Pace | SourcePace, Pacer] = WeakValueDictionary()

"""The rate limit for all transfers."""

from collections import deque
from collections.abc import Callable

_DEPTH = 0.25  # seconds of the rate that can accumulate
_STEP = 0.05  # seconds of the rate to accumulate before paused transfers resume


class RateLimit:
    """A token bucket of bytes; transfers that find it empty pause."""

    __slots__ = ("_at", "_limit", "_paused", "_tokens", "limited")

    def __init__(self, limit: int | None) -> None:
        self._limit = limit or 0
        self.limited = bool(limit)
        self._tokens = 0.0
        self._at = 0.0
        self._paused: deque[Callable[[], None]] = deque()

    def change(self, limit: int | None) -> None:
        """From now on, this is the limit in bytes per second; None for no limit."""
        self._limit = limit or 0
        self.limited = bool(limit)
        self._tokens = min(0.0, self._tokens)

    def spend(self, size: int, now: float) -> None:
        """Bytes were received."""
        self._refill(now)
        self._tokens -= size

    def wait(self, now: float) -> float:
        """Seconds until the next transfer may start."""
        if not self.limited:
            return 0.0
        self._refill(now)
        return max(0.0, -self._tokens / self._limit)

    def pause(self, resume: Callable[[], None]) -> None:
        """Registers how to resume a paused transfer."""
        self._paused.append(resume)

    def release(self, now: float) -> float:
        """Resumes paused transfers, longest paused first, as far as the bytes allow.

        Returns:
            Seconds until more may resume.
        """
        if not self._paused:
            return 60.0
        self._refill(now)
        lacks = _STEP - self._tokens / self._limit
        if lacks > 0:
            return lacks
        for _ in range(len(self._paused)):
            if self._tokens < 0:
                break
            self._paused.popleft()()
        return _STEP

    def _refill(self, now: float) -> None:
        if self._at:
            most = self._limit * _DEPTH
            self._tokens = min(most, self._tokens + (now - self._at) * self._limit)
        self._at = now

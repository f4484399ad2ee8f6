"""The bandwidth cap over all transfers."""


class RateLimit:
    """A token bucket of bytes, one second deep."""

    __slots__ = ("_at", "_limit", "_tokens", "limited")

    def __init__(self, limit: int | None) -> None:
        self._limit = limit or 0
        self.limited = bool(limit)
        self._tokens = float(self._limit)
        self._at = 0.0

    def spend(self, size: int, now: float) -> None:
        """Bytes have come."""
        self._refill(now)
        self._tokens -= size

    def wait(self, now: float) -> float:
        """Seconds until the next transfer may begin."""
        if not self.limited:
            return 0.0
        self._refill(now)
        return max(0.0, -self._tokens / self._limit)

    def share(self, active: int) -> int:
        """Bytes a second for one of so many transfers; 0: no limit."""
        return max(1024, self._limit // max(1, active)) if self.limited else 0

    def _refill(self, now: float) -> None:
        if self._at:
            self._tokens = min(float(self._limit), self._tokens + (now - self._at) * self._limit)
        self._at = now

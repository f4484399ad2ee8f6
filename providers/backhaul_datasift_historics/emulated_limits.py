"""The emulator's limits: an hourly budget for calls, and pulls per second."""

import time
from collections import defaultdict, deque


class Points:
    """A budget that is refilled some time after its first use.

    Args:
        limit: points of a full budget.
        period: seconds until it is refilled.
    """

    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._used = 0
        self._since: float | None = None

    def spend(self, cost: int) -> bool:
        """Take points; False if there are not enough."""
        now = time.monotonic()
        if self._since is None or now - self._since >= self._period:
            self._since, self._used = now, 0
        if self._used + cost > self._limit:
            return False
        self._used += cost
        return True

    def headers(self, cost: int) -> dict[str, str]:
        """The budget's response headers."""
        since = time.monotonic() if self._since is None else self._since
        left = max(0.0, since + self._period - time.monotonic())
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(self._limit - self._used),
            "X-RateLimit-Cost": str(cost),
            "X-RateLimit-Reset": str(int(time.time() + left)),
            "X-RateLimit-Reset-Ttl": str(-int(-left // 1)),
        }


class Rate:
    """Limits the pulls of a subscription in any second."""

    def __init__(self, per_second: float) -> None:
        # High rates are measured over a longer time, so that a slow thread does not look like two quick calls.
        self._count = max(1, round(per_second))
        self._stretch = self._count / per_second
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def allows(self, subscription: str) -> bool:
        """Whether this pull is allowed; refused ones do not count."""
        now = time.monotonic()
        seen = self._seen[subscription]
        while seen and now - seen[0] >= self._stretch:
            seen.popleft()
        if len(seen) >= self._count:
            return False
        seen.append(now)
        return True

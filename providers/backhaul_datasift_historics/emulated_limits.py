"""The emulator's limits: an hourly budget of calls, and pulls a second."""

import time
from collections import defaultdict, deque


class Points:
    """A budget that fills up again a while after its first use.

    Args:
        limit: points of a full budget.
        period: seconds until it is full again.
    """

    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._used = 0
        self._since: float | None = None

    def spend(self, cost: int) -> bool:
        """Take the points; False when there are not enough."""
        now = time.monotonic()
        if self._since is None or now - self._since >= self._period:
            self._since, self._used = now, 0
        if self._used + cost > self._limit:
            return False
        self._used += cost
        return True

    def headers(self, cost: int) -> dict[str, str]:
        """What each answer says of the budget."""
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
    """So many pulls of a subscription in any second."""

    def __init__(self, per_second: float) -> None:
        # Over a longer stretch for high rates, so that one slow thread is not taken for two quick calls.
        self._count = max(1, round(per_second))
        self._stretch = self._count / per_second
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def allows(self, subscription: str) -> bool:
        """Whether this pull is in time; a refused one does not count."""
        now = time.monotonic()
        seen = self._seen[subscription]
        while seen and now - seen[0] >= self._stretch:
            seen.popleft()
        if len(seen) >= self._count:
            return False
        seen.append(now)
        return True

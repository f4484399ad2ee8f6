"""The hourly budget of API calls, read from response headers.

Every response except a pull's reports the budget: ``X-RateLimit-Remaining``, ``-Limit``, ``-Cost``
and ``-Reset-Ttl`` (seconds until the budget is full again).
"""

from collections.abc import Mapping
from dataclasses import dataclass

_COMFORT = 0.2
"""Share of the budget above which calls are not delayed."""
_LONGEST = 18  # maximum digits of a plausible number


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The budget as reported by one response.

    Attributes:
        limit: points of a full budget.
        remaining: points left after the call.
        cost: points that the call cost, or would have cost.
        resets_in: seconds until the budget is full again.
    """

    limit: int | None
    remaining: int
    cost: int
    resets_in: float

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "Budget | None":
        """The budget in a response's headers; None if they lack it (pulls, proxies)."""
        remaining, cost = _number(headers, "Remaining"), _number(headers, "Cost")
        if remaining is None or cost is None:
            return None
        return cls(
            limit=_number(headers, "Limit"),
            remaining=remaining,
            cost=cost,
            resets_in=float(max(_number(headers, "Reset-Ttl") or 0, 0)),
        )

    @property
    def refused(self) -> bool:
        """Whether the call cost more than was left."""
        return self.cost > self.remaining

    def wait(self, cost: int) -> float:
        """Seconds to wait before a call of this cost, so that the budget is not used up.

        While at least a fifth of the budget is left, there is no wait. Below that, calls are spread
        evenly over the time until the reset. A call that costs more than is left waits for the reset.
        """
        if cost > self.remaining:
            return max(self.resets_in, 1.0)
        if self.limit is not None and self.remaining >= self.limit * _COMFORT:
            return 0.0
        return self.resets_in * cost / (self.remaining + cost)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"X-RateLimit-{name}", "").strip()
    is_number = len(text) <= _LONGEST and text.isascii() and text.removeprefix("-").isdigit()
    return int(text) if is_number else None

"""The hourly budget of API calls, read from the answers' own headers.

Each answer except a pull's says what is left: ``X-RateLimit-Remaining``, ``-Limit``, ``-Cost`` and
``-Reset-Ttl`` (seconds until the budget is full again).
"""

from collections.abc import Mapping
from dataclasses import dataclass

_COMFORT = 0.2
"""Share of the budget above which calls are not held back."""
_LONGEST = 18  # digits of a number that is worth reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one answer says of the budget.

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
        """The budget in an answer's headers; None when they do not say (pull, proxies)."""
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
        """Whether the call that brought this answer cost more than was left."""
        return self.cost > self.remaining

    def wait(self, cost: int) -> float:
        """Seconds to wait before a call of that cost, so that the budget does not run dry.

        Nothing while a fifth of the budget is left; below that the rest is spread evenly over the
        time until the reset; all of that time when the call costs more than is left.
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

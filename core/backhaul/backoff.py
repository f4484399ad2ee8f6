"""How long to wait before asking again: pure functions, shared by the API session and the engine."""

import random
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

BASE = 0.5
CAP = 60.0


def delay(
    attempt: int,
    retry_after: float | None = None,
    *,
    base: float = BASE,
    cap: float = CAP,
    rng: Callable[[], float] = random.random,
) -> float:
    """Seconds to wait after the failed attempt number `attempt` (0 is the first).

    Doubles from `base` up to `cap`; half of it is left to chance, so that many clients which
    failed together do not come back together. The server's own wish is a floor: never earlier
    than `retry_after`, and up to `base` later.
    """
    if retry_after is not None:
        return max(0.0, retry_after) + rng() * base
    grown = min(cap, base * 2.0 ** min(attempt, 64))
    return grown * (0.5 + 0.5 * rng())


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3), or None if it says nothing.

    Args:
        value: the header: seconds (fractions are taken too) or an HTTP date.
        now: the time as seconds since the epoch, by the server's Date header where there is one.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now)
    return seconds if 0 <= seconds < float("inf") else None


def parse_date(value: str | None) -> float | None:
    """An HTTP date (a Date, Last-Modified or Retry-After header) as seconds since the epoch."""
    try:
        moment = parsedate_to_datetime(value or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _until(text: str, now: float) -> float | None:
    moment = parse_date(text)
    return None if moment is None else max(0.0, moment - now)

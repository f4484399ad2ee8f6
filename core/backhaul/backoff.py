"""Retry delays: pure functions shared by the API session and the transfer engine."""

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
    """Seconds to wait after failed attempt number `attempt` (0 is the first).

    Doubles from `base` up to `cap`. Half of it is random, so that clients that failed together do not
    retry together. A server's `retry_after` is a lower bound: the delay exceeds it by at most `base`.
    """
    if retry_after is not None:
        return max(0.0, retry_after) + rng() * base
    grown = min(cap, base * 2.0 ** min(attempt, 64))
    return grown * (0.5 + 0.5 * rng())


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds requested by a Retry-After header (RFC 9110, 10.2.3); None if invalid.

    Args:
        value: the header: seconds (fractions are accepted) or an HTTP date.
        now: seconds since the epoch, preferably from the server's Date header.
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
    """Converts an HTTP date (Date, Last-Modified or Retry-After) to seconds since the epoch."""
    try:
        moment = parsedate_to_datetime(value or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _until(text: str, now: float) -> float | None:
    moment = parse_date(text)
    return None if moment is None else max(0.0, moment - now)

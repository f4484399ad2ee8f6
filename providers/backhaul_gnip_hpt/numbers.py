"""Lenient parsers for the API's numbers and times.

Counts arrive as numbers, as strings (``"5.07"``), as null or not at all, and one old response has a
space in place of a date's dash. Invalid values become None (unknown), never an error.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_NONSENSE = 10**18
_MINUTE = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4})\D?(\d\d)\D?(\d\d)\D*(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?\s*(?:Z|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)


def number(value: Any) -> float | None:
    """A number, possibly given as a string; None for null, booleans, infinities and anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value.strip().replace(",", "")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def whole(value: Any) -> int | None:
    """A non-negative count, possibly given as a string; None otherwise.

    -1 means "unknown", and numbers of more than 18 digits exceed any archive.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        read: float | None = value
    elif isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        read = int(value)
    else:
        read = number(value)
    if read is None or not 0 <= read < _NONSENSE or read != int(read):
        return None
    return int(read)


def instant(value: Any) -> datetime | None:
    """A time such as ``2014-05-19T22:30:13Z``, converted to UTC; UTC is assumed without an offset."""
    if not isinstance(value, str):
        return None
    match = _INSTANT.fullmatch(value.strip())
    if match is None:
        return None
    *parts, sign, hours, minutes = match.groups()
    try:
        local = datetime(*(int(part or 0) for part in parts), tzinfo=UTC)  # type: ignore[misc,arg-type]  # six parts
        if sign is None:
            return local
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return local - offset if sign == "+" else local + offset
    except (ValueError, OverflowError):
        return None


def minute(value: Any) -> datetime | None:
    """A job's ``fromDate`` or ``toDate``: ``YYYYMMDDHHMM`` in UTC, as a string or a number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    match = _MINUTE.fullmatch(str(value).strip())
    try:
        return datetime(*map(int, match.groups()), tzinfo=UTC) if match else None  # type: ignore[misc,arg-type]  # five parts
    except ValueError:
        return None

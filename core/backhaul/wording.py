"""Formats sizes, durations, times and numbers for people; the only place that does."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice, pairwise

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_A_DAY = timedelta(days=1)
_MANY = 10  # days above which hours are left out
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def iso(time: datetime | None) -> str | None:
    """ISO 8601 in UTC with ``Z``, as in all JSON."""
    if time is None:
        return None
    return time.isoformat().replace("+00:00", "Z")


def day_or_time(text: str) -> str:
    """An ISO time for people: only the day for midnight, and no seconds if they are zero."""
    return text.removesuffix("T00:00:00Z").replace(":00Z", "Z")


def people_time(time: datetime) -> str:
    """A time for people, see ``day_or_time``."""
    return day_or_time(iso(time) or "")


def periods(
    start: datetime, end: datetime, every: timedelta, form: Callable[[datetime], str | None] = iso
) -> Iterator[tuple[str, str]]:
    """Start and end of each slot of a range; fast, since there may be millions.

    Args:
        start: the range's start, in UTC.
        end: its end, which may shorten the last slot.
        every: length of a slot.
        form: ``iso`` or ``people_time``.
    """
    slots = -(-(end - start) // every)
    if slots * every < _A_DAY or _A_DAY % every or start.microsecond or every.microseconds:
        starts: Iterator[str] = (form(start + number * every) or "" for number in range(slots))
    else:
        starts = islice(_times(start, every, form), slots)
    return pairwise(chain(starts, (form(end) or "",)))


def _times(
    start: datetime, every: timedelta, form: Callable[[datetime], str | None]
) -> Iterator[str]:
    """The texts of a time, and of each at a distance of ``every``, which divides a day evenly."""
    midnight = start.replace(hour=0, minute=0, second=0)
    first = start - midnight
    # The time of day is the same on each day, and a date has ten characters.
    of_day = [
        (form(midnight + first % every + n * every) or "")[10:] for n in range(_A_DAY // every)
    ]
    rest = of_day[first // every :]
    while True:
        date = (form(midnight) or "")[:10]
        for time in rest:
            yield date + time
        midnight += _A_DAY
        rest = of_day


def span(seconds: float) -> str:
    """A duration for people: ``14 days``, ``3 days 4 h``, ``3 h 20 min``, ``45 s``."""
    seconds = max(0.0, seconds)
    if seconds >= _MANY * _DAY:
        return f"{int(seconds // _DAY)} days"
    if seconds >= 2 * _DAY:
        return f"{int(seconds // _DAY)} days {int(seconds % _DAY // _HOUR)} h"
    if seconds >= _HOUR:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"
    if seconds >= _MINUTE:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    return f"{seconds:.0f} s" if seconds >= 1 else "less than 1 s"


def clock(seconds: float) -> str:
    """A duration for a narrow column: ``0:07``, ``12:30``, ``3:04:05``."""
    whole = round(max(0.0, seconds))
    minutes, rest = divmod(whole, _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def until(moment: datetime, now: datetime) -> str:
    """A time relative to now: ``in 14 days``, ``2 h 5 min ago``."""
    left = (moment - now) / timedelta(seconds=1)
    return f"in {span(left)}" if left >= 0 else f"{span(-left)} ago"


def count(number: int, what: str) -> str:
    """``1 file``, ``12,960 files``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def refused(kind: str, message: str, at: datetime | None) -> str:
    """The message that a request to a provider failed."""
    what = "no answer" if kind in {"unreachable", "timeout"} else "refused"
    when = f" on {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
    return f"{what}{when} ({kind}){': ' if message else ''}{message}"


def human(size: float) -> str:
    """Bytes for people: ``3.2 MiB``, in powers of 1024, like sizes in the YAML."""
    power = 0
    while abs(size) >= 1024 and power < len(_UNITS) - 1:  # noqa: PLR2004 - see above
        size /= 1024
        power += 1
    return f"{size:.1f} {_UNITS[power]}" if power else f"{size:.0f} B"


def lost(number: int) -> str:
    """How many files are lost: no longer on disk, and impossible to fetch again."""
    if number == 1:
        return "1 file is lost: no longer on disk, and cannot be fetched again"
    return f"{number:,} files are lost: no longer on disk, and cannot be fetched again"

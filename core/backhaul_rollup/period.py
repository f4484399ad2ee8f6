"""Calendar periods in UTC, and their names."""

from datetime import MAXYEAR, UTC, datetime
from enum import StrEnum

# The last second that can be named.
_LAST = int(datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp())


class Period(StrEnum):
    """The period of each output."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def around(self, seconds: int) -> tuple[int, int]:
        """The period that contains a moment, half-open, in Unix seconds."""
        if self is not Period.MONTH:
            length = 3600 if self is Period.HOUR else 86400
            start = seconds - seconds % length
            return start, min(start + length, _LAST)
        time = datetime.fromtimestamp(seconds, UTC)
        start = int(datetime(time.year, time.month, 1, tzinfo=UTC).timestamp())
        year, month = divmod(time.year * 12 + time.month, 12)
        if year > MAXYEAR:
            return start, _LAST
        return start, int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp())

    def label(self, start: int, end: int) -> str:
        """The period, for a file's name; both ends unless it is a calendar period."""
        first, last = (datetime.fromtimestamp(each, UTC) for each in (start, end))
        if self.around(start) != (start, end):
            return f"{first:%Y%m%dT%H%M%SZ}-{last:%Y%m%dT%H%M%SZ}"
        if self is Period.HOUR:
            return f"{first:%Y-%m-%dT%H}"
        return f"{first:%Y-%m-%d}" if self is Period.DAY else f"{first:%Y-%m}"

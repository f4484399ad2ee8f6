"""Calendar periods, in UTC, and how they are written in names."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Period(StrEnum):
    """Into what files are rolled up."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def around(self, seconds: int) -> tuple[int, int]:
        """The period that holds a moment, half-open, in unix seconds."""
        time = datetime.fromtimestamp(seconds, UTC)
        if self is Period.HOUR:
            start = time.replace(minute=0, second=0)
            end = start + timedelta(hours=1)
        elif self is Period.DAY:
            start = time.replace(hour=0, minute=0, second=0)
            end = start + timedelta(days=1)
        else:
            start = time.replace(day=1, hour=0, minute=0, second=0)
            end = (start + timedelta(days=32)).replace(day=1)
        return int(start.timestamp()), int(end.timestamp())

    def label(self, start: int, end: int) -> str:
        """The period in a file's name; one that is no calendar period has both ends in it."""
        first, last = (datetime.fromtimestamp(each, UTC) for each in (start, end))
        if self.around(start) != (start, end):
            return f"{first:%Y%m%dT%H%M%SZ}-{last:%Y%m%dT%H%M%SZ}"
        if self is Period.HOUR:
            return f"{first:%Y-%m-%dT%H}"
        return f"{first:%Y-%m-%d}" if self is Period.DAY else f"{first:%Y-%m}"

"""Slot lengths, from minutes to years, and their slot grids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS: Final = {"mo": 1, "y": 12}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
_WANTED: Final = "should be a length of slot such as 10m, 1h, 1d, 1w, 1mo or 1y"
_MOST_DAYS: Final = 366 * 100


@dataclass(frozen=True, slots=True)
class Every:
    """A slot length.

    Slots are aligned to 1970-01-01T00:00Z; weeks to Mondays, months and years to the
    calendar.

    Attributes:
        text: as written in YAML.
        step: for minutes, hours, days and weeks; None for months and years.
        months: for months and years; otherwise 0.
    """

    text: str
    step: timedelta | None
    months: int = 0

    @classmethod
    def parse(cls, value: Any) -> "Every":
        """Parse a YAML value. Raises ValueError, which says what to write."""
        if isinstance(value, cls):
            return value
        text = value.strip() if isinstance(value, str) else ""
        found = re.fullmatch(r"(\d{1,6})(m|h|d|w|mo|y)", text)
        if found is None:
            if re.fullmatch(r"\d{1,6}M", text):
                raise ValueError(f"{_WANTED}: {text[:-1]}m is minutes, {text[:-1]}mo is months")
            raise ValueError(_WANTED)
        number, unit = int(found[1]), found[2]
        if not number:
            raise ValueError(f"{_WANTED}, and not 0")
        if unit in _MONTHS:
            months = number * _MONTHS[unit]
            if months > 1200:  # noqa: PLR2004 - a hundred years
                raise ValueError(f"{_WANTED}, and at most 100y")
            return cls(text, None, months)
        step = number * _UNITS[unit]
        if step.days > _MOST_DAYS:
            raise ValueError(f"{_WANTED}, and at most 100y")
        return cls(text, step)

    def floor(self, time: datetime) -> datetime:
        """The start of the slot that contains the time."""
        if self.step is None:
            number = (time.year - 1970) * 12 + time.month - 1
            return _month(number - number % self.months)
        base = _MONDAY if self.text.endswith("w") else _EPOCH
        return base + (time - base) // self.step * self.step

    def ceil(self, time: datetime) -> datetime:
        """The first slot start at or after the time."""
        start = self.floor(time)
        return start if start == time else self.after(start)

    def after(self, start: datetime) -> datetime:
        """The end of the slot that starts there."""
        if self.step is not None:
            return start + self.step
        return _month((start.year - 1970) * 12 + start.month - 1 + self.months)

    def slots(self, first: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The slots that start in [first, until), each with its start and end; ``first`` is a start."""
        start = first
        while start < until:
            end = self.after(start)
            yield start, end
            start = end

    def __str__(self) -> str:
        return self.text


def _month(number: int) -> datetime:
    return datetime(1970 + number // 12, number % 12 + 1, 1, tzinfo=UTC)

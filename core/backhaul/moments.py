"""Moments in YAML: a day, a time, ``now``, ``today``, or an offset from now such as ``-7d``."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from backhaul.options import parse_duration, parse_time
from backhaul.wording import iso

_OFFSET = re.compile(r"([+-])(\d.*)")
_WANTED = (
    "should be a date or time in UTC such as 2016-12-01 or 2016-12-01T06:30:00Z, now, today, or an"
    " offset from now such as -7d"
)
When: TypeAlias = datetime | date | str
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """A fixed time, or one relative to the current time.

    Attributes:
        text: as written in the YAML.
        fixed: the time; None if relative.
        offset: from now, or from today's 00:00 UTC.
        whole_day: relative to 00:00 UTC of the current day.
    """

    text: str
    fixed: datetime | None = None
    offset: timedelta = timedelta(0)
    whole_day: bool = False

    @classmethod
    def parse(cls, value: Any) -> "Moment":
        """Parses a YAML value. Raises ValueError."""
        if isinstance(value, cls):
            return value
        text = value.strip() if isinstance(value, str) else ""
        if text in {"now", "today"}:
            return cls(text, whole_day=text == "today")
        if found := _OFFSET.fullmatch(text):
            try:
                span = parse_duration(found[2])
            except ValueError:
                raise ValueError(_WANTED) from None
            return cls(text, offset=span if found[1] == "+" else -span)
        try:
            time = parse_time(value)
        except ValueError:
            raise ValueError(_WANTED) from None
        return cls(str(iso(time)), fixed=time)

    def at(self, now: datetime) -> datetime:
        """Resolves the moment, in UTC.

        Args:
            now: the current time, timezone-aware, in UTC.
        """
        if self.fixed is not None:
            return self.fixed
        base = now.replace(hour=0, minute=0, second=0, microsecond=0) if self.whole_day else now
        try:
            return min(max(base + self.offset, _FIRST), _LAST)
        except OverflowError:
            return _LAST if self.offset > timedelta(0) else _FIRST

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Accepts what ``parse`` accepts; serializes to its text."""
        from pydantic_core import core_schema  # noqa: PLC0415 - avoids importing pydantic with this module

        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema(when_used="always")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """A string."""
        del schema, handler
        return {
            "type": "string",
            "description": "a date or time, UTC, now, today, or an offset such as -7d",
            "examples": ["2016-12-01", "-7d"],
        }


def instant(value: When) -> datetime:
    """The time that a program names, as it would in YAML; without a time zone it is UTC.

    Raises ValueError.
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return Moment.parse(value).at(datetime.now(UTC))

"""Extracts key columns from the JSON of records."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from backhaul_rollup.provided import Column

_TWITTER = "%a %b %d %H:%M:%S %z %Y"  # Wed Aug 27 13:08:45 +0000 2008
_HALVES = re.compile("[\ud800-\udfff]")
_LARGEST = 1e11  # seconds; larger numbers are milliseconds


class Keys:
    r"""Extracts the key columns of records.

    Args:
        columns: as the provider declares them. The first of several with the same name is used.

    Attributes:
        replaced: number of texts in which U+FFFD replaces half a surrogate pair. A lone escape such
            as ``\ud83d`` is valid JSON, common where texts were truncated, but not valid Unicode.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        found = {column.name: column.path for column in reversed(columns) if column.name != "raw"}
        self.replaced = 0
        self.names = tuple(dict.fromkeys(c.name for c in columns if c.name in found))
        self._paths = [
            [tuple(path.split(".")) for path in found[name].split("|")] for name in self.names
        ]
        self._turn: list[Callable[[Any], Any]] = [
            as_time if name == "time" else as_text for name in self.names
        ]

    def of(self, line: str) -> tuple[Any, ...]:
        """The columns' values; None if the record has none, or is not a JSON object."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return (None,) * len(self.names)
        return tuple(
            self._storable(turn(_first(record, paths)))
            for turn, paths in zip(self._turn, self._paths, strict=True)
        )

    def _storable(self, value: Any) -> Any:
        found = storable(value)
        self.replaced += found is not value
        return found


def storable(value: Any) -> Any:
    """The value; in a text, U+FFFD replaces half a surrogate pair."""
    if type(value) is not str or value.isascii() or not _HALVES.search(value):
        return value
    return _HALVES.sub("\ufffd", value)


def as_text(value: Any) -> str | None:
    """A string unchanged, other values as JSON."""
    if value is None or type(value) is str:
        return value
    return json.dumps(value, ensure_ascii=False)


def as_time(value: Any) -> datetime | None:
    """A time in UTC: ISO 8601, RFC 2822, Twitter's own format, or Unix seconds or milliseconds."""
    if type(value) in {int, float}:
        try:
            return datetime.fromtimestamp(value / 1000 if abs(value) > _LARGEST else value, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    if type(value) is not str:
        return None
    for read in (datetime.fromisoformat, _twitter, parsedate_to_datetime):
        try:
            found = read(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _twitter(value: str) -> datetime:
    return datetime.strptime(value, _TWITTER)  # noqa: DTZ007 - %z is in it


def _first(record: Any, paths: Sequence[tuple[str, ...]]) -> Any:
    for path in paths:
        value = record
        for step in path:
            value = value.get(step) if type(value) is dict else None
            if value is None:
                break
        if value is not None:
            return value
    return None

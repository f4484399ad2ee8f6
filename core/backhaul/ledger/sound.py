"""Validates rows of the ledger; the only place that does.

A changed byte on disk can turn any value into any other: a number into text, a valid time into an
impossible one, a state into garbage. SQLite returns all of that. Values that pass here need no further
checks.
"""

import json
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from zlib import crc32

from backhaul.errors import FailureKind
from backhaul.ledger.fault import UnsoundError
from backhaul.types import JobState, SlotState

FIRST = int(datetime.min.replace(tzinfo=UTC).timestamp())
LAST = int(datetime.max.replace(tzinfo=UTC).timestamp())
KINDS = frozenset(kind.value for kind in FailureKind)
STATES = frozenset(state.value for state in SlotState)
JOB_STATES = frozenset(state.value for state in JobState)


def _types_of(hint: Any) -> frozenset[type]:
    types = get_args(hint) or (hint,)
    plain = {str if issubclass(each, str) else each for each in types}
    return frozenset(plain | {int} if float in plain else plain)


class Shape:
    """The types allowed in a row's columns.

    Args:
        fields: column names and their types as declared in a class.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self._names = tuple(fields)
        self._allowed = tuple(_types_of(hint) for hint in fields.values())
        self._seen: set[tuple[type, ...]] = set()  # type patterns seen; a few cover all rows

    def look(self, values: tuple[Any, ...]) -> None:
        """Raises UnsoundError if a value has the wrong type."""
        types = tuple(map(type, values))
        if types in self._seen:
            return
        for name, kind, allowed in zip(self._names, types, self._allowed, strict=True):
            if kind not in allowed:
                raise UnsoundError(f"{name} has type {kind.__name__}")
        self._seen.add(types)

    def fits(self, columns: Sequence[tuple[Any, ...]]) -> bool:
        """Whether all values of some rows, given by column, have an allowed type."""
        return all(
            allowed.issuperset(map(type, column))
            for column, allowed in zip(columns, self._allowed, strict=True)
        )


def check_name(name: str) -> None:
    """Raises UnsoundError if the name is not valid for a file in the job's folder."""
    if not name or "\0" in name or name[0] == "/" or (".." in name and ".." in name.split("/")):
        raise UnsoundError("invalid file name")


def check_times(*times: int | None) -> None:
    """Raises UnsoundError if a time is out of range."""
    for time in times:
        if time is not None and not FIRST <= time <= LAST:
            raise UnsoundError("time out of range")


def check_sizes(*numbers: float | None) -> None:
    """Raises UnsoundError if a size or count is negative or not a number."""
    for number in numbers:
        if number is not None and not 0 <= number < 1 << 62:
            raise UnsoundError("invalid size or count")


def check_word(word: str | None, words: Container[str], what: str) -> None:
    """Raises UnsoundError if a word is not an allowed value."""
    if word is not None and word not in words:
        raise UnsoundError(f"invalid {what} {word!r}")


def seal_of(*values: object) -> int:
    """Checksum of column values; also available as an SQL function."""
    return crc32(repr(values).encode("utf-8", "surrogatepass"))


def json_of(text: str, kind: type) -> Any:
    """Parses a JSON object or list. Raises UnsoundError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UnsoundError("invalid JSON") from None
    if not isinstance(found, kind):
        raise UnsoundError("JSON of the wrong type")
    return found

"""Whether what a row of the ledger holds is what backhaul writes: the one place that looks.

A byte that was changed on disk can make any value of any other: a number a text, a time one that no
calendar has, a state a word without meaning. SQLite hands all of that over. What passes here can be
used without another look.
"""

import json
from collections.abc import Container
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
    """The types that a row's columns may have.

    Args:
        fields: their names, and their types as a class declares them.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self._names = tuple(fields)
        self._allowed = tuple(_types_of(hint) for hint in fields.values())
        self._seen: set[tuple[type, ...]] = set()  # a handful of patterns stand for all rows

    def look(self, values: tuple[Any, ...]) -> None:
        """Raises UnsoundError when a value is of a wrong type."""
        types = tuple(map(type, values))
        if types in self._seen:
            return
        for name, kind, allowed in zip(self._names, types, self._allowed, strict=True):
            if kind not in allowed:
                raise UnsoundError(f"{name} is of type {kind.__name__}")
        self._seen.add(types)


def look_at_name(name: str) -> None:
    """Raises UnsoundError when a name could not be that of a file below the job's folder."""
    if not name or "\0" in name or name[0] == "/" or (".." in name and ".." in name.split("/")):
        raise UnsoundError("a name that cannot be a file's")


def look_at_times(*times: int | None) -> None:
    """Raises UnsoundError when a time is none of the calendar's."""
    for time in times:
        if time is not None and not FIRST <= time <= LAST:
            raise UnsoundError("a time that no calendar has")


def look_at_sizes(*numbers: float | None) -> None:
    """Raises UnsoundError when a number of bytes, records or files is negative or no number."""
    for number in numbers:
        if number is not None and not 0 <= number < 1 << 62:
            raise UnsoundError("a size or a count that cannot be")


def look_at_word(word: str | None, words: Container[str], what: str) -> None:
    """Raises UnsoundError when a word is none of those that there are."""
    if word is not None and word not in words:
        raise UnsoundError(f"{word!r} as a {what}")


def seal_of(*values: object) -> int:
    """A checksum of values as the ledger has them; a function of its SQL, too."""
    return crc32(repr(values).encode("utf-8", "surrogatepass"))


def json_of(text: str, kind: type) -> Any:
    """What a JSON text holds, an object or a list. Raises UnsoundError when it does not."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UnsoundError("a text that is not JSON") from None
    if not isinstance(found, kind):
        raise UnsoundError("a JSON text of another kind")
    return found

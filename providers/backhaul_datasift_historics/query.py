"""A Historics query as returned by ``historics/get``.

Per DataSift's historics/get reference, times are Unix seconds, and 0 or null means unknown.
``chunks`` is present only in responses by id, once the query has been started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backhaul import NotDataError

TERMINAL = frozenset({"succeeded", "stopped", "killed", "failed", "prohibited"})
"""Final statuses; ``failed`` comes from old versions (newer ones say ``delayed``, not final)."""


_DIGITS = 18  # longer or larger numbers are invalid
_LARGEST = 10.0**_DIGITS


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryChunk:
    """About a day of a query; ``delivered`` is None if not reported."""

    status: str
    start: datetime
    end: datetime
    delivered: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A Historics query.

    Attributes:
        delivered: number of interactions put into the queue so far.
        undated: number of chunks without a valid period, which are not in ``chunks``.
    """

    id: str
    name: str
    status: str
    progress: float | None
    start: datetime | None
    end: datetime | None
    estimated: datetime | None
    delivered: int | None
    chunks: tuple[QueryChunk, ...]
    undated: int
    sources: tuple[str, ...]
    sample: float | None

    @property
    def terminal(self) -> bool:
        """Whether the query will deliver nothing more."""
        return self.status in TERMINAL

    @property
    def chunk_sum(self) -> int | None:
        """Interactions delivered, summed over the chunks; None if any chunk lacks a count."""
        counts = [chunk.delivered for chunk in self.chunks]
        if not counts or any(count is None for count in counts):
            return None
        return sum(count for count in counts if count is not None)

    @property
    def records(self) -> int | None:
        """Interactions delivered: the query's own count, else the sum of its chunks."""
        return self.chunk_sum if self.delivered is None else self.delivered

    @classmethod
    def read(cls, data: Any) -> "Query":
        """Read an element of the response. Raises NotDataError if it is not a query."""
        if not isinstance(data, Mapping) or not isinstance(data.get("id"), str) or not data["id"]:
            raise NotDataError("historics/get returned something other than a Historics query")
        listed = data.get("chunks")
        chunks, undated = _chunks(listed if isinstance(listed, list) else [])
        start, end = moment(data.get("start")), moment(data.get("end"))
        if start is not None and end is not None and end < start:
            start = end = None  # better no period than an impossible one
        sources = data.get("sources")
        return cls(
            id=data["id"],
            name=str(data.get("name") or ""),
            status=str(data.get("status") or "").lower(),
            progress=_number(data.get("progress")),
            start=start,
            end=end,
            estimated=moment(data.get("estimated_completion")),
            delivered=_count(data.get("delivery_count")),
            chunks=chunks,
            undated=undated,
            # An empty source name occurs in recorded answers.
            sources=tuple(
                str(name) for name in (sources if isinstance(sources, list) else []) if name
            ),
            sample=_number(data.get("sample")),
        )


def moment(value: Any) -> datetime | None:
    """Unix seconds as a UTC time; None for 0, null and anything invalid."""
    number = _number(value)
    if not number or number < 0:
        return None
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _chunks(items: list[Any]) -> tuple[tuple[QueryChunk, ...], int]:
    """The chunks in order of time, and how many have no valid period."""
    found: list[QueryChunk] = []
    for item in items:
        if not isinstance(item, Mapping):
            raise NotDataError("historics/get returned a chunk that is not an object")
        start, end = moment(item.get("start_time")), moment(item.get("end_time"))
        if start is None or end is None or end <= start:
            continue
        found.append(
            QueryChunk(
                status=str(item.get("status") or "").lower(),
                start=start,
                end=end,
                delivered=_count(item.get("delivery_count")),
            )
        )
    return tuple(sorted(found, key=lambda chunk: chunk.start)), len(items) - len(found)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if abs(value) < _LARGEST else None
    # Some times in the reference's samples are strings.
    short = isinstance(value, str) and len(value) <= _DIGITS
    return int(value) if short and value.isascii() and value.isdigit() else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return None if number is None or number < 0 else int(number)

"""Join the activity of snapshots into time series.

The items of a snapshot have no times. The API documents that the last minute ends at ``finish``.
That hours and days are also rolling, rather than calendar ones, is inferred and undocumented; for
snapshots that end on a whole hour or day, it makes no difference.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

STEPS = {"minute": timedelta(minutes=1), "hourly": timedelta(hours=1), "daily": timedelta(days=1)}
KINDS = ("total", "rejected", "pending", "approved")


class Point(NamedTuple):
    """Counts of one minute, hour or day; None for counts missing from the snapshot."""

    start: datetime
    total: int | None
    rejected: int | None
    pending: int | None
    approved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two snapshots disagree; the later one is used.

    Attributes:
        resolution: ``minute``, ``hourly`` or ``daily``.
        start: start of the minute, hour or day.
        earlier, later: the differing counts, by kind.
        earlier_finish, later_finish: ``finish`` of the two snapshots.
    """

    resolution: str
    start: datetime
    earlier: dict[str, int | None]
    later: dict[str, int | None]
    earlier_finish: datetime
    later_finish: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Time series, oldest first, and where snapshots disagree.

    Attributes:
        minute, hourly, daily: one point for each period in any snapshot.
        differences: ordered by time.
    """

    minute: tuple[Point, ...]
    hourly: tuple[Point, ...]
    daily: tuple[Point, ...]
    differences: tuple[Difference, ...]


_Counts = tuple[int | None, ...]


def join_activity(snapshots: Iterable[tuple[datetime, dict[str, Any]]]) -> Activity:
    """Join overlapping snapshots; where they disagree, the later ``finish`` wins.

    Args:
        snapshots: ``finish`` and JSON document of each, in any order; consumed one at a time.
    """
    known: dict[str, dict[int, tuple[int, _Counts]]] = {name: {} for name in STEPS}
    differences: dict[tuple[str, int], Difference] = {}
    for finish, document in snapshots:
        end = int(finish.timestamp())
        for name, step in STEPS.items():
            for start, counts in _items(document, name, end, int(step.total_seconds())):
                before = known[name].get(start)
                if before is None:
                    known[name][start] = (end, counts)
                    continue
                old, new = sorted((before, (end, counts)), key=lambda pair: pair[0])
                if old[1] != new[1]:
                    differences[name, start] = _difference(name, start, old, new)
                known[name][start] = new
    series = {
        name: tuple(Point(_time(start), *found[start][1]) for start in sorted(found))
        for name, found in known.items()
    }
    ordered = sorted(differences.values(), key=lambda one: (one.start, one.resolution))
    return Activity(**series, differences=tuple(ordered))


def _items(
    document: dict[str, Any], name: str, end: int, step: int
) -> Iterator[tuple[int, _Counts]]:
    activity = document.get("activity")
    arrays = activity.get(name) if isinstance(activity, dict) else None
    if not isinstance(arrays, dict):
        return
    columns = [arrays[kind] if isinstance(arrays.get(kind), list) else [] for kind in KINDS]
    length = max(map(len, columns))
    # aligned at their ends: the last item is the one that ends at finish
    padded = [[None] * (length - len(column)) + column for column in columns]
    for index, counts in enumerate(zip(*padded, strict=True)):
        yield end - (length - index) * step, counts


def _difference(
    name: str, start: int, old: tuple[int, _Counts], new: tuple[int, _Counts]
) -> Difference:
    kinds = [index for index in range(len(KINDS)) if old[1][index] != new[1][index]]
    return Difference(
        resolution=name,
        start=_time(start),
        earlier={KINDS[index]: old[1][index] for index in kinds},
        later={KINDS[index]: new[1][index] for index in kinds},
        earlier_finish=_time(old[0]),
        later_finish=_time(new[0]),
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""Tables of the activity in a job's snapshots."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from backhaul import RemoteFile
from backhaul_massrelevance_meta.activity import KINDS, Difference, Point, join_activity
from backhaul_rollup import Table

_SERIES = (("start", datetime), *((kind, int) for kind in KINDS))
_DIFFERENCES = (
    ("resolution", str),
    ("start", datetime),
    ("kind", str),
    ("earlier", int),
    ("later", int),
    ("earlier_finish", datetime),
    ("later_finish", datetime),
)


def derive_tables(files: Iterable[tuple[RemoteFile, Path]]) -> Iterator[Table]:
    """``activity_minute``, ``activity_hourly``, ``activity_daily``, and where snapshots disagree.

    Only JSON snapshots are read; the XML ones have the same counts.
    """
    joined = join_activity(_snapshots(files))
    for name, points in (
        ("minute", joined.minute),
        ("hourly", joined.hourly),
        ("daily", joined.daily),
    ):
        if points:
            notes = tuple(_note(one) for one in joined.differences if one.resolution == name)
            yield Table(f"activity_{name}", _SERIES, rows=map(_row, points), notes=notes)
    if joined.minute or joined.hourly or joined.daily:
        yield Table("differences", _DIFFERENCES, rows=_different(joined.differences))


def _snapshots(
    files: Iterable[tuple[RemoteFile, Path]],
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for file, path in files:
        if file.content == "json" and file.end is not None:
            document = json.loads(path.read_bytes())
            if isinstance(document, dict):
                yield file.end, document


def _row(point: Point) -> tuple[Any, ...]:
    return (point.start, *map(_count, point[1:]))


def _count(value: Any) -> int | None:
    """A count from the API, accepted only if it is a whole number."""
    return value if type(value) is int else None


def _different(differences: Iterable[Difference]) -> Iterator[tuple[Any, ...]]:
    for one in differences:
        for kind in one.later:
            yield (
                one.resolution,
                one.start,
                kind,
                _count(one.earlier[kind]),
                _count(one.later[kind]),
                one.earlier_finish,
                one.later_finish,
            )


def _note(one: Difference) -> str:
    counts = ", ".join(f"{kind} {one.earlier[kind]} is now {one.later[kind]}" for kind in one.later)
    return (
        f"{one.resolution} of {one.start:%Y-%m-%dT%H:%MZ}: {counts} "
        f"(snapshots of {one.earlier_finish:%Y-%m-%dT%H:%MZ} and {one.later_finish:%Y-%m-%dT%H:%MZ}; "
        "the later one is used)"
    )

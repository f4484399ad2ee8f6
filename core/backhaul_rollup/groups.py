"""Assigns files to outputs."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from backhaul.commands import FileRow
from backhaul_rollup.period import Period

SeriesOf = Callable[[FileRow], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Files that are joined into one output.

    Attributes:
        start, end: Unix seconds, half-open.
        series: distinguishes these files from others of the same period; often empty.
        rows: in order of slot, then name.
    """

    start: int
    end: int
    series: str
    rows: tuple[FileRow, ...]


def series_by(key: str) -> SeriesOf:
    """Returns a function for a file's series: the value in its meta under the key (see ``ProviderInfo.series``)."""

    def series_of(row: FileRow) -> str:
        if not key or not row.meta:
            return ""
        value = json.loads(row.meta).get(key)
        return "" if value is None else str(value)

    return series_of


def groups(rows: Iterable[FileRow], to: Period, series_of: SeriesOf) -> Iterator[Group]:
    """Yields files of the same period and series, period by period.

    A file that covers more than one period belongs to none: files that cover the same time, such as the
    volumes of a long download, become a separate output.

    Args:
        rows: files with a slot, in order of slot, then name.
        to: the periods.
        series_of: gives a file's series.
    """
    for (start, end), inside in groupby(rows, key=lambda row: to.around(row.start or 0)):
        found: dict[tuple[int, int, str], list[FileRow]] = {}
        for row in inside:
            first, last = row.start or 0, row.end or 0
            span = (start, end) if last <= end else (first, last)
            found.setdefault((*span, series_of(row)), []).append(row)
        for (begin, over, series), members in sorted(found.items(), key=lambda item: item[0]):
            yield Group(start=begin, end=over, series=series, rows=tuple(members))

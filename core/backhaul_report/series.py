"""Time series derived by providers, for the charts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from backhaul import BackhaulError
from backhaul.commands import HERE, KnownJob, redact
from backhaul_rollup import Provided, Table

MOST_POINTS: Final = 50_000
_MOST_NOTES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One derived table as lines over time.

    Attributes:
        name: the table's.
        lines: names of the lines.
        times: Unix seconds, ascending.
        values: for each line, a value per time; None if there is none.
        notes: remarks for the reader.
    """

    name: str
    lines: tuple[str, ...]
    times: list[int]
    values: list[list[float | None]]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The representation embedded in the page."""
        return {
            "name": self.name,
            "lines": self.lines,
            "times": self.times,
            "values": self.values,
            "notes": self.notes,
        }


def read_series(known: KnownJob, provided: Provided) -> tuple[tuple[Series, ...], str]:
    """The job's series; or the reason, if the provider failed to derive them."""
    files = (
        (row.remote(), known.path_of(row))
        for row in known.files()
        if known.state_of(row)[0] in HERE
    )
    try:
        return tuple(_drawable(provided.tables(files))), ""
    except BackhaulError as error:
        return (), redact(error.message)


def _drawable(tables: Iterable[Table]) -> Iterator[Series]:
    for table in tables:
        kinds = [kind for _, kind in table.columns]
        if kinds[0] is not datetime or not all(kind in (int, float) for kind in kinds[1:]):
            continue
        rows = sorted(
            (row for row in islice(table.rows, MOST_POINTS) if row[0] is not None),
            key=lambda row: row[0],
        )
        if rows and len(kinds) > 1:
            yield Series(
                name=table.name,
                lines=tuple(name for name, _ in table.columns[1:]),
                times=[int(row[0].timestamp()) for row in rows],
                values=[[row[column] for row in rows] for column in range(1, len(kinds))],
                notes=tuple(redact(note) for note in table.notes[:_MOST_NOTES]),
            )

"""Time series derived by providers, for the charts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from backhaul import BackhaulError
from backhaul.commands import HERE, Destination, Ledger, on_disk_state, redact
from backhaul_rollup import Provided, Table

MOST_POINTS: Final = 50_000
_MOST_NOTES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One derived table as lines over time.

    Attributes:
        name: the table's.
        lines: names of the lines.
        times: unix seconds, ascending.
        values: for each line a value for each time, None where there is none.
        notes: what a person should know of it.
    """

    name: str
    lines: tuple[str, ...]
    times: list[int]
    values: list[list[float | None]]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The form embedded in the page."""
        return {
            "name": self.name,
            "lines": self.lines,
            "times": self.times,
            "values": self.values,
            "notes": self.notes,
        }


def read_series(
    ledger: Ledger, job: int, folder: Destination, provided: Provided
) -> tuple[tuple[Series, ...], str]:
    """The job's series; or the reason, if the provider failed to derive them."""
    files = (
        (row.remote(), folder.local_path(row.name))
        for row in ledger.inventory.files(job)
        if on_disk_state(row, folder.size)[0] in HERE
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

"""Reads written tables, for the report and other programs."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backhaul.commands import open_to_read
from backhaul_rollup.book import Book
from backhaul_rollup.tables import FOLDER

_READ: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "datetime": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A table on disk.

    Attributes:
        name: ``activity_minute``, say.
        columns: name and type of each: ``str``, ``int``, ``float`` or ``datetime``.
        path: the CSV file.
        records: rows in it.
        notes: what a person should know of it.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    path: Path
    records: int
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows one by one, times in UTC, None where there is no value. Raises OSError, ValueError."""
        readers = [_READ.get(kind, str) for _, kind in self.columns]
        with open(open_to_read(self.path), encoding="utf-8", newline="") as file:  # noqa: PTH123 - a descriptor
            lines = csv.reader(file)
            next(lines, None)
            for line in lines:
                yield tuple(
                    read(cell) if cell else None for read, cell in zip(readers, line, strict=True)
                )


def stored_tables(out: Path) -> list[StoredTable]:
    """The tables of a job's roll-up folder, by name; none when there is none. Raises OSError.

    Args:
        out: ``<dest>/<job>.rollup`` (see ``rollup_folder``).
    """
    folder = out / FOLDER
    return [
        StoredTable(
            name=entry["file"].removesuffix(".csv"),
            columns=tuple((name, kind) for name, kind in entry.get("columns", ())),
            path=folder / entry["file"],
            records=entry["records"],
            notes=tuple(entry.get("notes", ())),
        )
        for entry in Book(folder).entries()
        if entry["file"].endswith(".csv")
    ]

"""Reads what is left of a damaged ledger; rows with any invalid value are skipped."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.pages import Pages
from backhaul.ledger.rows import FileRow, JobRow, file_row, job_row
from backhaul.ledger.schema import columns
from backhaul.ledger.streams import COLUMNS as POSITION_COLUMNS
from backhaul.ledger.streams import Position, position
from backhaul.names import key

_FEWEST = {"files": 22, "jobs": 17, "streams": 7}  # columns in schema version 1
_SOME = 16
_LATER = {"doubt": ""}  # NOT NULL columns added later, with their defaults


class Salvage:
    """The readable rows of a ledger and its write-ahead log. Raises OSError.

    Attributes:
        jobs: rows by job id.
        places: progress of queues, by job id and file name.
        samples: names and sizes of some files, by job id.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.jobs: dict[int, JobRow] = {}
        self.places: dict[tuple[int, str], Position] = {}
        self.samples: dict[int, list[tuple[str, int]]] = {}
        self._unreadable = self._unsound = 0
        for table, row in self._rows():
            try:
                if table == "files":
                    self._sample(row)
                elif table == "jobs":
                    job = job_row(tuple(row[name] for name in JobRow._fields))
                    self.jobs[job.id] = job
                elif table == "streams":
                    place = (*(row[name] for name in POSITION_COLUMNS), row["seal"])
                    self.places[row["job"], row["name"]] = position(row["name"], place)
            except UnsoundError:
                self._unsound += 1

    @property
    def lost(self) -> int:
        """Number of unreadable or invalid rows; known after ``files``."""
        return self._unreadable + self._unsound

    def _sample(self, row: dict[str, Any]) -> None:
        some = self.samples.setdefault(row["job"], [])
        if len(some) < _SOME and isinstance(row["name"], str) and isinstance(row["size"], int):
            some.append((row["name"], row["size"]))

    def files(self) -> Iterator[tuple[int, FileRow]]:
        """File rows with their job ids, in no particular order."""
        for table, row in self._rows():
            if table != "files":
                continue
            try:
                found = file_row(tuple(row[name] for name in FileRow._fields))
            except UnsoundError:
                self._unsound += 1
                continue
            if key(found.name) == row["key"]:
                yield row["job"], found
            else:
                self._unsound += 1

    def _rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with closing(Pages(self._path)) as pages:
            for number, values in pages.records():
                table = _table(number, values)
                kinds = columns(table) if table else {}
                if _FEWEST.get(table, 0) <= len(values) <= len(kinds):
                    row: dict[str, Any] = {name: _LATER.get(name) for name in kinds}
                    row.update(zip(kinds, values, strict=False))
                    for name, kind in kinds.items():
                        if kind == "REAL" and isinstance(row[name], int):
                            row[name] = float(row[name])  # SQLite stores whole numbers as integers
                    if number is not None:
                        row["id"] = number
                    yield table, row
            self._unreadable = pages.lost


def _table(number: int | None, values: list[Any]) -> str:
    """The table that a row belongs to, judged by features that no other table has."""
    if number is None:
        return "streams" if len(values) >= _FEWEST["streams"] else ""
    if len(values) < _FEWEST["jobs"]:
        return ""
    return "files" if isinstance(values[1], int) else "jobs"

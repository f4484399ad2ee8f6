"""What of a damaged ledger can still be read, row by row; a row with anything wrong in it is left out."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.pages import Pages
from backhaul.ledger.rows import FileRow, JobRow, file_row, job_row
from backhaul.ledger.schema import columns
from backhaul.ledger.streams import Position, position
from backhaul.names import key

_FEWEST = {"files": 22, "jobs": 17, "streams": 7}  # columns that the first version had
_SOME = 16
_LATER = {"doubt": ""}  # columns that came later, and what stands in them where it is not NULL


class Salvage:
    """The rows that can be read of a ledger's file, and of the log beside it. Raises OSError.

    Attributes:
        jobs: by their numbers.
        places: how far queues were drained, by the job's number and the file's name.
        samples: names and sizes of some files, by the number of their job.
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
                    job = job_row(tuple(row[name] for name in JobRow.__dataclass_fields__))
                    self.jobs[job.id] = job
                elif table == "streams":
                    place = (*(row[name] for name in Position._fields), row["seal"])
                    self.places[row["job"], row["name"]] = position(row["name"], place)
            except UnsoundError:
                self._unsound += 1

    @property
    def lost(self) -> int:
        """How many rows could not be read, or hold something wrong; known after ``files``."""
        return self._unreadable + self._unsound

    def _sample(self, row: dict[str, Any]) -> None:
        some = self.samples.setdefault(row["job"], [])
        if len(some) < _SOME and isinstance(row["name"], str) and isinstance(row["size"], int):
            some.append((row["name"], row["size"]))

    def files(self) -> Iterator[tuple[int, FileRow]]:
        """The files with the numbers of their jobs, in no order."""
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
                            row[name] = float(row[name])  # stored so where it is a whole number
                    if number is not None:
                        row["id"] = number
                    yield table, row
            self._unreadable = pages.lost


def _table(number: int | None, values: list[Any]) -> str:
    """Whose row it may be, by what backhaul's tables have in common with no other."""
    if number is None:
        return "streams" if len(values) >= _FEWEST["streams"] else ""
    if len(values) < _FEWEST["jobs"]:
        return ""
    return "files" if isinstance(values[1], int) else "jobs"

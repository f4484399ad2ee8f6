"""The ledger's table of chunked files: the progress of each one."""

from typing import Any, NamedTuple
from zlib import crc32

from backhaul.ledger import sound
from backhaul.ledger.database import Database
from backhaul.ledger.fault import UnsoundError


class Position(NamedTuple):
    """The progress of a chunked file.

    Attributes:
        cursor: where the provider continues.
        volume: number of the current volume.
        length: stored bytes of the current volume.
        records: stored records of the current volume.
        done: 1 if the file is complete, otherwise 0.
    """

    cursor: str | None
    volume: int
    length: int
    records: int
    done: int


COLUMNS = ("cursor", "piece", "length", "records", "done")
"""The columns of a ``Position``, in its order."""

_SHAPE = sound.Shape(Position.__annotations__)


def position(name: str, values: tuple[Any, ...]) -> Position:
    """Converts the columns of a row, with its seal last. Raises UnsoundError."""
    *columns, sealed = values
    _SHAPE.look(tuple(columns))
    found = Position(*columns)
    sound.check_sizes(found.volume - 1, found.length, found.records)
    if found.done not in {0, 1} or sealed not in {None, _seal(name, found)}:
        raise UnsoundError("checksum mismatch in a queue position")
    return found


def _seal(name: str, found: Position) -> int:
    return crc32(repr((name, *found)).encode())


class StreamTable:
    """One row per chunked file, by job and name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, job: int, name: str) -> Position | None:
        """The progress of a chunked file."""
        row = self._db.one(
            "SELECT cursor, piece, length, records, done, seal FROM streams"
            " WHERE job = ? AND name = ?",
            (job, name),
        )
        if row is None:
            return None
        try:
            return position(name, row)
        except UnsoundError as error:
            raise self._db.damaged(f"{name}: {error}") from None

    def all(self, job: int) -> list[tuple[str, Position]]:
        """The progress of all chunked files of a job, by name."""
        names = self._db.all("SELECT name FROM streams WHERE job = ?", (job,))
        found = ((name, self.get(job, name)) for (name,) in names)
        return [(name, each) for name, each in found if each is not None]

    def is_open(self, job: int) -> bool:
        """Whether the job has a chunked file that has started but not finished."""
        sql = "SELECT 1 FROM streams WHERE job = ? AND NOT done LIMIT 1"
        return self._db.one(sql, (job,)) is not None

    def check_all(self) -> None:
        """Validates all rows. Raises LedgerError."""
        for job, name in self._db.all("SELECT job, name FROM streams"):
            self.get(job, name)

    def save(self, job: int, name: str, position: Position) -> None:
        """Stores the progress of a chunked file."""
        self._db.write(
            "INSERT OR REPLACE INTO streams (job, name, cursor, piece, length, records, done, seal)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(job, name, *position, _seal(name, position))],
        )

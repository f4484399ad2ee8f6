"""The ledger's chunked files: how far each one is."""

from typing import Any, NamedTuple
from zlib import crc32

from backhaul.ledger import sound
from backhaul.ledger.database import Database
from backhaul.ledger.fault import UnsoundError


class Position(NamedTuple):
    """How far a chunked file is.

    Attributes:
        cursor: where the provider continues.
        piece: the number of the present piece.
        length: bytes of it that are stored.
        records: records of it that are stored.
        done: whether all is here, 1 or 0.
    """

    cursor: str | None
    piece: int
    length: int
    records: int
    done: int


_SHAPE = sound.Shape(Position.__annotations__)


def position(name: str, values: tuple[Any, ...]) -> Position:
    """The columns of a row in the order of Position, and its seal. Raises UnsoundError."""
    *columns, sealed = values
    _SHAPE.look(tuple(columns))
    found = Position(*columns)
    sound.look_at_sizes(found.piece - 1, found.length, found.records)
    if found.done not in {0, 1} or sealed not in {None, _seal(name, found)}:
        raise UnsoundError("a place in a queue that is not as it was written")
    return found


def _seal(name: str, found: Position) -> int:
    return crc32(repr((name, *found)).encode())


class StreamTable:
    """One row a chunked file, by job and name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, job: int, name: str) -> Position | None:
        """How far a chunked file is."""
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

    def is_open(self, job: int) -> bool:
        """Whether a chunked file of the job has begun and is not at its end."""
        sql = "SELECT 1 FROM streams WHERE job = ? AND NOT done LIMIT 1"
        return self._db.one(sql, (job,)) is not None

    def look_through(self) -> None:
        """Looks at all rows. Raises LedgerError."""
        for job, name in self._db.all("SELECT job, name FROM streams"):
            self.get(job, name)

    def save(self, job: int, name: str, position: Position) -> None:
        """Remembers how far a chunked file is."""
        self._db.write(
            "INSERT OR REPLACE INTO streams (job, name, cursor, piece, length, records, done, seal)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(job, name, *position, _seal(name, position))],
        )

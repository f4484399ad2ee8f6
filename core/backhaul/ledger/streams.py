"""The ledger's chunked files: how far each one is."""

from backhaul.ledger.database import Database


class StreamTable:
    """One row a chunked file, by job and name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, job: int, name: str) -> tuple[str | None, int, int, int, bool] | None:
        """How far a chunked file is: cursor, piece, length of the piece, its records, whether done."""
        row = self._db.run(
            "SELECT cursor, piece, length, records, done FROM streams WHERE job = ? AND name = ?",
            (job, name),
        ).fetchone()
        return (row[0], row[1], row[2], row[3], bool(row[4])) if row else None

    def save(
        self,
        job: int,
        name: str,
        *,
        cursor: str | None,
        piece: int,
        length: int,
        records: int,
        done: bool,
    ) -> None:
        """Remembers how far a chunked file is."""
        self._db.write(
            "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(job, name, cursor, piece, length, records, done)],
        )

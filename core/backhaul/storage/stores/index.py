"""The contents of a job's prefix, from one listing instead of a request per object."""

import sqlite3
from collections.abc import Iterable, Iterator
from threading import Lock

from backhaul.storage.stored import Stored

_CREATE = """
CREATE TABLE objects (name TEXT PRIMARY KEY, size INTEGER NOT NULL, etag TEXT) WITHOUT ROWID
"""
_PAGE = 1000


class Index:
    """Names, sizes and ETags of objects; in a temporary database, so memory does not grow. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        # An empty name means a temporary database: in memory up to the cache size, then in a deleted file.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA cache_size=-8000")  # kilobytes
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute(_CREATE)

    def add(self, found: Iterable[Stored]) -> None:
        """Adds or updates objects."""
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)",
                ((each.name, each.size, each.etag) for each in found),
            )
            self._database.execute("COMMIT")

    def drop(self, name: str) -> None:
        """Forgets an object."""
        with self._lock:
            self._database.execute("DELETE FROM objects WHERE name = ?", (name,))

    def get(self, name: str) -> Stored | None:
        """An object; None if there was none."""
        with self._lock:
            row = self._database.execute(
                "SELECT size, etag FROM objects WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else Stored(name, row[0], row[1])

    def names(self, prefix: str = "") -> Iterator[str]:
        """Names with a prefix, sorted."""
        after, first = prefix, True
        while True:
            with self._lock:
                rows = self._database.execute(
                    f"SELECT name FROM objects WHERE name {'>=' if first else '>'} ? ORDER BY name"
                    f" LIMIT {_PAGE}",
                    (after,),
                ).fetchall()
            first = False
            for (name,) in rows:
                if not name.startswith(prefix):
                    return
                yield name
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    @property
    def empty(self) -> bool:
        """Whether there is no object."""
        with self._lock:
            return self._database.execute("SELECT 1 FROM objects LIMIT 1").fetchone() is None

    def close(self) -> None:
        """Frees the memory, or the temporary file."""
        with self._lock:
            self._database.close()

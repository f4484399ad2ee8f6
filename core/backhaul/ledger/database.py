"""The ledger's connection to SQLite: opened, in transactions, its errors put into words."""

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from backhaul.durable import make_folder
from backhaul.errors import BackhaulError, DiskError
from backhaul.ledger.schema import VERSION, migrate

FOLDER = ".backhaul"
FILE = "ledger.sqlite"
_PATIENCE = 30.0  # seconds that others may hold it
_NAP = 0.01


class LedgerError(BackhaulError):
    """The ledger cannot be used: damaged, or written by a newer backhaul."""


def ledger_path(dest: Path) -> Path:
    """Where the ledger of a destination lies."""
    return dest / FOLDER / FILE


class Database:
    """One connection, used by one thread. All calls raise LedgerError, DiskError.

    Args:
        path: of the file.
        readonly: open what is there, or an empty one in memory when there is none.

    Raises:
        LedgerError: it is damaged or of a newer version.
        DiskError: it cannot be created.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        try:
            self._db = self._open(readonly=readonly)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None
        except OSError as error:
            raise DiskError(f"{self.path.parent}: {error.strerror or error}") from None

    def _open(self, *, readonly: bool) -> sqlite3.Connection:
        if readonly and not self.path.exists():
            db = sqlite3.connect(":memory:", isolation_level=None)
        elif readonly:
            db = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                timeout=_PATIENCE,
            )
        else:
            make_folder(self.path.parent, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            db = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE)
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            db.close()
            raise LedgerError(
                f"{self.path}: written by a newer backhaul (version {found}, this one knows {VERSION});"
                " install the newer one"
            )
        _write_ahead(db)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -8192")
        migrate(db)
        return db

    def close(self) -> None:
        """Commits what is open and lets go."""
        self.commit()
        self._db.close()

    def commit(self) -> None:
        """Makes the batch of changes lasting. Raises DiskError."""
        if self._db.in_transaction:
            self.run("COMMIT")

    def sync_each_commit(self) -> None:
        """From now on a commit outlives a power cut, not only the process."""
        self.commit()
        self.run("PRAGMA synchronous = FULL")

    def rollback(self) -> None:
        """Forgets the changes since the last commit."""
        if self._db.in_transaction:
            self.run("ROLLBACK")

    def run(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> sqlite3.Cursor:
        """Carries out one statement."""
        try:
            return self._db.execute(sql, values)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None

    def begin(self) -> None:
        """Opens a transaction, unless one is open."""
        if not self._db.in_transaction:
            self.run("BEGIN IMMEDIATE")

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Carries out a statement for each row, in the transaction."""
        self.begin()
        try:
            self._db.executemany(sql, rows)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None


def _write_ahead(db: sqlite3.Connection) -> None:
    """Turns the write-ahead log on. Raises sqlite3.OperationalError when others never let go.

    SQLite does not wait for its timeout where two connections turn it on at once (the busy handler
    is not asked, see the notes on sqlite3_busy_handler), so the waiting is done here.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorname", "").startswith(
                ("SQLITE_BUSY", "SQLITE_LOCKED")
            )
            if not busy or time.monotonic() >= end:
                raise
            time.sleep(_NAP)
        else:
            return


def _explain(error: sqlite3.DatabaseError, path: Path) -> BackhaulError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(
        ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
    ):
        return DiskError(f"{path}: {error}")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerError(f"{path}: busy for 30 seconds; another program holds it")
    return LedgerError(
        f"{path}: damaged ({error}); move it away and run `backhaul verify --rebuild` to make it anew"
        " from the files on disk"
    )

"""The ledger's connection to SQLite: opened, in transactions, its errors put into words."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backhaul.durable import make_folder
from backhaul.errors import DiskError
from backhaul.ledger.fault import (
    SQLITE_ERRORS,
    LedgerError,
    NewerLedgerError,
    damaged,
    explain,
    is_busy,
)
from backhaul.ledger.schema import VERSION, differs, migrate
from backhaul.oserrors import describe
from backhaul.storage.opening import (
    InTheWayError,
    open_to_write,
    refuse_others,
    regular,
    second_name,
)
from backhaul.storage.place import MovedError, Place, identity

__all__ = ["FILE", "FOLDER", "Database", "LedgerError", "ledger_path"]

FOLDER = ".backhaul"
FILE = "ledger.sqlite"
_FILES = ("", "-wal", "-shm", "-journal")
_PATIENCE = 30.0  # seconds that others may hold it
_NAP = 0.01
_AT_ONCE = 1024  # rows
_FAR = 1000  # versions: no backhaul is so much newer

Values = Sequence[object] | Mapping[str, object]


def ledger_path(dest: Path) -> Path:
    """Where the ledger of a destination lies."""
    return dest / FOLDER / FILE


class Database:
    """One connection, used by one thread. All calls raise LedgerError, LockedError, DiskError.

    Args:
        path: of the file.
        readonly: open what is there, or an empty one in memory when there is none.

    Raises:
        LedgerError: it is damaged or of a newer version.
        LockedError: another program holds it.
        DiskError: it cannot be created.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._place: Place | None = None
        try:
            self._db = self._open(readonly=readonly)
            if not readonly:
                self._place = Place(self.path.parent.parent)
                self._identity = identity(self.path.stat())
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None
        except InTheWayError as error:
            raise DiskError(describe(error)) from None
        except OSError as error:
            raise DiskError(f"{self.path.parent}: {describe(error, self.path.parent)}") from None

    def _open(self, *, readonly: bool) -> sqlite3.Connection:
        linked = _look_at(self.path)
        if linked is not None and not readonly:
            raise second_name(linked)
        if readonly and not self.path.exists():
            db = sqlite3.connect(":memory:", isolation_level=None)
        elif readonly and (linked is not None or not os.access(self.path.parent, os.W_OK)):
            return self._open_unwritable()
        elif readonly:
            db = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                timeout=_PATIENCE,
            )
        else:
            make_folder(self.path.parent, mode=0o700)
            os.close(open_to_write(self.path))
            db = sqlite3.connect(self.path, isolation_level=None, timeout=_PATIENCE)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _open_unwritable(self) -> sqlite3.Connection:
        """Opens a ledger that cannot be written, nor anything beside it, as on read-only media.

        SQLite reads such a file if it is told that no one changes it. What a killed run left in the
        write-ahead log, or an older version, has to be worked into a copy first.
        """
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
        log = self.path.with_name(f"{self.path.name}-wal")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found == VERSION and not (log.exists() and log.stat().st_size):
            db.execute("PRAGMA cache_size = -8192")
            if difference := differs(db):
                db.close()
                raise damaged(self.path, difference)
            return db
        db.close()
        with TemporaryDirectory(prefix="backhaul-ledger-") as folder:
            for each in (self.path, log):
                if each.exists():
                    shutil.copyfile(each, Path(folder, each.name))
            copy = sqlite3.connect(Path(folder, self.path.name), isolation_level=None)
            try:
                self._prepare(copy)
                db = sqlite3.connect(":memory:", isolation_level=None)
                copy.backup(db)
            finally:
                copy.close()
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if VERSION < found < VERSION + _FAR and differs(db):
            raise NewerLedgerError(
                f"{self.path}: written by a newer backhaul (version {found}, this one knows {VERSION});"
                " install the newer one"
            )
        if not 0 <= found <= VERSION:
            raise damaged(self.path, f"it says that it is of version {found}")
        _write_ahead(db)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -8192")
        db.execute("PRAGMA cell_size_check = ON")
        migrate(db)
        difference = differs(db)
        if difference:
            raise damaged(self.path, difference)

    def check(self) -> None:
        """Raises MovedError when the destination, or the file in it, is not the one that is open."""
        if self._place is None:
            return
        self._place.check()
        found = regular(self.path)
        if found is None or identity(found) != self._identity:
            raise MovedError(
                f"{self.path} was moved, removed or replaced: what came is entered in the ledger that"
                " was there before; put it back, then run again"
            )

    def inspect(self) -> None:
        """Looks at every page, and whether tables and indexes agree. About a second a million files.

        Raises:
            LedgerError: they do not.
        """
        for (said,) in self.rows("PRAGMA integrity_check(1)"):
            if said != "ok":
                raise self.damaged(said)
        for table, *_ in self.rows("PRAGMA foreign_key_check"):
            raise self.damaged(f"a row of {table} belongs to no job")
        if not self.readonly:
            # A damaged header may say that the file can only be read.
            self.run("UPDATE jobs SET state = state WHERE 0")

    def damaged(self, what: object) -> LedgerError:
        """The error for something wrong that was read."""
        return damaged(self.path, what)

    def close(self) -> None:
        """Commits what is open and lets go."""
        try:
            self.commit()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Lets go, and forgets the changes since the last commit."""
        self._db.close()
        if self._place is not None:
            self._place.close()

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

    def run(self, sql: str, values: Values = ()) -> None:
        """Carries out one statement that gives nothing."""
        try:
            self._db.execute(sql, values)
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None

    def one(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """The first row that a statement gives."""
        try:
            found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None
        return found

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives, at once."""
        try:
            return self._db.execute(sql, values).fetchall()
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None

    def rows(self, sql: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """The rows that a statement gives, as they are read."""
        try:
            cursor = self._db.execute(sql, values)
            while some := cursor.fetchmany(_AT_ONCE):
                yield from some
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None

    def begin(self) -> None:
        """Opens a transaction, unless one is open."""
        if not self._db.in_transaction:
            self.run("BEGIN IMMEDIATE")

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Carries out a statement for each row, in the transaction."""
        self.begin()
        try:
            self._db.executemany(sql, rows)
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None


def _look_at(path: Path) -> Path | None:
    """Which of a ledger's files has another name too, if one has.

    SQLite opens them by their paths, follows links and may wait: InTheWayError is raised when one of
    them is not a regular file.
    """
    linked = None
    for ending in _FILES:
        each = path.with_name(path.name + ending)
        refuse_others(each)
        found = regular(each)
        if found is not None and found.st_nlink > 1:
            linked = linked or each
    return linked


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
            if not is_busy(error) or time.monotonic() >= end:
                raise
            time.sleep(_NAP)
        else:
            return

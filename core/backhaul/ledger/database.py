"""The ledger's connection to SQLite: opened, in short transactions, its errors put into words."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

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
from backhaul.ledger.sound import seal_of
from backhaul.ledger.waiting import LOOKING, HeldError, Waiting
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
_AT_ONCE = 1024  # rows
_FAR = 1000  # versions: no backhaul is so much newer

# Who only reads may be left half-way, by a loop over jobs that ends early: it is then closed by the
# garbage collector, in whatever thread that runs.
_connect = partial(sqlite3.connect, isolation_level=None, check_same_thread=False)

T = TypeVar("T")
Values = Sequence[object] | Mapping[str, object]
_Change = tuple[str, list[Sequence[object]]] | Callable[[], None]


def ledger_path(dest: Path) -> Path:
    """Where the ledger of a destination lies."""
    return dest / FOLDER / FILE


class Database:
    """One connection, used by one thread. All calls raise LedgerError, LockedError, DiskError.

    Changes gather in memory and are written in one short transaction: by ``commit``, and before
    anything is read. So the file is held for the instant of a write and at no other time, and a run
    that is stopped keeps no other from writing.

    Args:
        path: of the file.
        readonly: open what is there, or an empty one in memory when there is none.
        waiting: how long others may hold it; None: as usual.

    Attributes:
        once: what changes of the next transaction need not do a second time.

    Raises:
        LedgerError: it is damaged or of a newer version.
        LockedError: another program holds it. HeldError: ... and ``waiting`` is not to wait.
        DiskError: it cannot be created.
    """

    def __init__(self, path: Path, *, readonly: bool, waiting: Waiting | None = None) -> None:
        self.path = path
        self.readonly = readonly
        self.once: set[object] = set()
        self._changes: list[_Change] = []
        self._waiting = waiting or (Waiting(LOOKING) if readonly else Waiting())
        self._place: Place | None = None
        try:
            self._db = self._patiently(lambda: self._open(readonly=readonly))
            if not readonly:
                self._place = Place(self.path.parent.parent)
                self._identity = identity(self.path.stat())
        except InTheWayError as error:
            raise DiskError(describe(error)) from None
        except OSError as error:
            raise DiskError(f"{self.path.parent}: {describe(error, self.path.parent)}") from None

    def _patiently(self, work: Callable[[], T], *, writing: bool = False) -> T:
        """Does what SQLite may refuse while others hold the file; never twice what succeeded."""
        while True:
            try:
                done = work()
            except SQLITE_ERRORS as error:
                if not is_busy(error):
                    raise explain(error, self.path) from None
            else:
                self._waiting.free(writing=writing)
                return done
            self._waiting.held(self.path, writing=writing)

    def _open(self, *, readonly: bool) -> sqlite3.Connection:
        linked = _look_at(self.path)
        if linked is not None and not readonly:
            raise second_name(linked)
        # SQLite itself never waits: it could not be interrupted.
        if readonly and not self.path.exists():
            db: sqlite3.Connection = _connect(":memory:")
        elif readonly and (linked is not None or not os.access(self.path.parent, os.W_OK)):
            return self._open_unwritable()
        elif readonly:
            uri = f"{self.path.absolute().as_uri()}?mode=rw"
            db = _connect(uri, uri=True, timeout=0)
        else:
            make_folder(self.path.parent, mode=0o700)
            os.close(open_to_write(self.path))
            db = sqlite3.connect(self.path, isolation_level=None, timeout=0)
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
        db = _connect(uri, uri=True)
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
                db = _connect(":memory:")
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
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -8192")
        db.execute("PRAGMA cell_size_check = ON")
        db.create_function("seal_of", -1, seal_of, deterministic=True)
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
        if not self.readonly:
            # A damaged header may say that the file can only be read.
            self.now(lambda: self._run("UPDATE jobs SET state = state WHERE 0"))
        for (said,) in self.rows("PRAGMA integrity_check(1)"):
            if said != "ok":
                raise self.damaged(said)
        for table, *_ in self.rows("PRAGMA foreign_key_check"):
            raise self.damaged(f"a row of {table} belongs to no job")

    def damaged(self, what: object) -> LedgerError:
        """The error for something wrong that was read."""
        return damaged(self.path, what)

    def close(self) -> None:
        """Writes what has gathered and lets go."""
        try:
            self.commit()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Lets go, and forgets the changes since the last commit."""
        self._db.close()
        if self._place is not None:
            self._place.close()

    # -- writing ------------------------------------------------------------------------------------

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """A statement for each row, to be carried out by the next commit."""
        last = self._changes[-1] if self._changes else None
        if isinstance(last, tuple) and last[0] == sql:
            last[1].extend(rows)
        else:
            self._changes.append((sql, list(rows)))

    def write_within(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """A statement for each row, at once, in the transaction of ``now`` or ``change``."""
        self._db.executemany(sql, rows)

    def change(self, work: Callable[[], None]) -> None:
        """A change that depends on what it finds: called in the transaction of the next commit."""
        self._changes.append(work)

    def now(self, work: Callable[[], T]) -> T:
        """Carries out what has gathered, and ``work``, in one transaction.

        Raises:
            LockedError: others hold the file for too long; what has gathered is kept.
            HeldError: they do at this moment; the same.
        """
        self._patiently(lambda: self._db.execute("BEGIN IMMEDIATE"), writing=True)
        changes, self._changes, self.once = self._changes, [], set()
        try:
            for change in changes:
                if isinstance(change, tuple):
                    sql, rows = change
                    self._db.executemany(sql, rows)
                else:
                    change()
            done = work()
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                with suppress(*SQLITE_ERRORS):
                    self._db.execute("ROLLBACK")
            if isinstance(error, SQLITE_ERRORS):
                if is_busy(error):
                    self._changes = changes
                raise explain(error, self.path) from None
            raise
        return done

    def commit(self) -> None:
        """Makes what has gathered lasting.

        Raises:
            LockedError, HeldError: others hold the file; what has gathered is kept.
            DiskError: it cannot be written; what had gathered is forgotten.
        """
        if self._changes:
            self.now(lambda: None)

    def try_commit(self) -> bool:
        """The same, and whether it could be done at this moment, where it is not to wait."""
        try:
            self.commit()
        except HeldError:
            return False
        return True

    def sync_each_commit(self) -> None:
        """From now on a commit outlives a power cut, not only the process; the next one is now."""
        self._run("PRAGMA synchronous = FULL")
        self.commit()

    def rollback(self) -> None:
        """Forgets the changes since the last commit."""
        self._changes, self.once = [], set()

    def note(self, look: Callable[[], T], keep: Callable[[T], tuple[str, Values]]) -> T:
        """What ``look`` finds; the statement of ``keep`` notes it unless others have written meanwhile.

        The file is not held while it is looked at: SQLite refuses to write after a look at what is
        out of date by then. A note that cannot be made is left out: it saves another look, no more.
        """
        self.commit()
        self._patiently(lambda: self._db.execute("BEGIN"))
        try:
            self.one("SELECT 1 FROM jobs")  # from here on it is seen as it was
            found = look()
            with suppress(sqlite3.OperationalError):
                self._db.execute(*keep(found))
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        return found

    # -- reading ------------------------------------------------------------------------------------

    def one(self, sql: str, values: Values = (), *, ahead: bool = True) -> tuple[Any, ...] | None:
        """The first row that a statement gives.

        ``ahead``: what has gathered is to be seen, and so written first.
        """
        if ahead:
            self._catch_up()
        found: tuple[Any, ...] | None = self._patiently(
            lambda: self._db.execute(sql, values).fetchone()
        )
        return found

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives, at once."""
        self._catch_up()
        return self._patiently(lambda: self._db.execute(sql, values).fetchall())

    def rows(self, sql: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """The rows that a statement gives, as they are read."""
        self._catch_up()
        cursor = self._patiently(lambda: self._db.execute(sql, values))
        while some := self._patiently(lambda: cursor.fetchmany(_AT_ONCE)):
            yield from some

    def _catch_up(self) -> None:
        if self._changes and not self._db.in_transaction:
            self.commit()

    def _run(self, sql: str, values: Values = ()) -> None:
        try:
            self._db.execute(sql, values)
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

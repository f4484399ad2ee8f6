"""The ledger's SQLite connection: opening, short transactions, readable errors."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

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
    create_once,
    hard_link_error,
    open_to_write,
    refuse_others,
    regular,
)
from backhaul.storage.place import MovedError, Place, identity, make_folder

__all__ = ["FILE", "Database", "LedgerError", "ledger_path"]

FILE = "ledger.sqlite"
_FILES = ("", "-wal", "-shm", "-journal")
_AT_ONCE = 1024  # rows
_FAR = 1000  # a schema version this far ahead is damage, not a newer backhaul

# What "PRAGMA foreign_key_check" finds, without a look at each row: a step along the index per job.
_ORPHANS = """
    WITH RECURSIVE owners (job) AS (
      SELECT min(job) FROM {0}
      UNION ALL
      SELECT (SELECT min(job) FROM {0} WHERE job > owners.job) FROM owners WHERE job IS NOT NULL
    )
    SELECT job FROM owners WHERE job IS NOT NULL AND job NOT IN (SELECT id FROM jobs) LIMIT 1
"""

# A reader that is abandoned halfway, by a loop over jobs that ends early, is closed by the garbage
# collector, in any thread.
_connect = partial(sqlite3.connect, isolation_level=None, check_same_thread=False)

T = TypeVar("T")
Values = Sequence[object] | Mapping[str, object]
_Change = tuple[str, list[Sequence[object]]] | Callable[[], None]


def ledger_path(workspace: Path) -> Path:
    """The path of a destination's ledger."""
    return workspace / FILE


class Database:
    """A connection for use by one thread. All methods raise LedgerError, LockedError and DiskError.

    Changes are buffered in memory and written in one short transaction, by ``commit`` and before any
    read. The database is locked only for the duration of a write, so a stopped process does not block
    other writers.

    Args:
        path: the database file.
        readonly: open an existing file; if there is none, an empty in-memory database.
        waiting: how long to wait for other lock holders; None for the default.

    Attributes:
        once: keys of changes that the next transaction already includes.

    Raises:
        LedgerError: it is damaged or was written by a newer version.
        LockedError: another program holds the lock. HeldError if ``waiting`` says not to wait.
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
            self._db.create_function("seal_of", -1, seal_of, deterministic=True)
            if not readonly:
                self._place = Place(self.path.parent.parent)
                self._identity = identity(self.path.stat())
        except InTheWayError as error:
            raise DiskError(describe(error)) from None
        except OSError as error:
            raise DiskError(f"{self.path.parent}: {describe(error, self.path.parent)}") from None

    def _patiently(self, work: Callable[[], T], *, writing: bool = False) -> T:
        """Retries ``work`` while others hold the lock; never repeats a call that succeeded."""
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
            raise hard_link_error(linked)
        # No SQLite busy timeout: it could not be interrupted.
        if readonly and not self.path.exists():
            db: sqlite3.Connection = _connect(":memory:")
        elif readonly and (linked is not None or not os.access(self.path.parent, os.W_OK)):
            return self._open_unwritable()
        elif readonly:
            uri = f"{self.path.absolute().as_uri()}?mode=rw"
            db = _connect(uri, uri=True, timeout=0)
        else:
            make_folder(self.path.parent, mode=0o700)
            if not (create_once(self.path, mode=0o600) or os.access(self.path, os.R_OK | os.W_OK)):
                os.close(open_to_write(self.path))  # raises the reason
            db = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _open_unwritable(self) -> sqlite3.Connection:
        """Opens a ledger on read-only media.

        SQLite reads such a file only as immutable. A write-ahead log left by a killed run, or an older
        schema, is first applied to a copy.
        """
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        log = self.path.with_name(f"{self.path.name}-wal")
        with ExitStack() as opened:
            db = opened.enter_context(closing(_connect(uri, uri=True)))
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found == VERSION and not (log.exists() and log.stat().st_size):
                db.execute("PRAGMA cache_size = -8192")
                if difference := differs(db):
                    raise damaged(self.path, difference)
                opened.pop_all()
                return db
        with TemporaryDirectory(prefix="backhaul-ledger-") as folder:
            for each in (self.path, log):
                if each.exists():
                    shutil.copyfile(each, Path(folder, each.name))
            with closing(
                sqlite3.connect(Path(folder, self.path.name), isolation_level=None)
            ) as copy:
                self._prepare(copy)
                db = _connect(":memory:")
                try:
                    copy.backup(db)
                except BaseException:
                    db.close()
                    raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if VERSION < found < VERSION + _FAR and differs(db):
            raise NewerLedgerError(
                f"{self.path}: written by a newer backhaul (schema {found}, this one supports {VERSION});"
                " install the newer version"
            )
        if not 0 <= found <= VERSION:
            raise damaged(self.path, f"invalid schema version {found}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA fullfsync = ON")  # on macOS: its fsync leaves data in the drive's cache
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -8192")
        db.execute("PRAGMA cell_size_check = ON")
        migrate(db)
        difference = differs(db)
        if difference:
            raise damaged(self.path, difference)

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to the open file."""
        if self._place is None:
            return
        self._place.check()
        found = regular(self.path)
        if found is None or identity(found) != self._identity:
            raise MovedError(
                f"{self.path} was moved, removed or replaced; this run's results are in the original ledger:"
                " put it back, then run again"
            )

    def inspect(self) -> None:
        """Checks every page, and tables against indexes. Takes about a second per million files.

        Raises:
            LedgerError: the file is damaged.
        """
        if not self.readonly:
            # A damaged header can make the file look read-only.
            self.now(lambda: self._run("UPDATE jobs SET state = state WHERE 0"))
        for (problem,) in self.rows("PRAGMA integrity_check(1)"):
            if problem != "ok":
                raise self.damaged(problem)
        for table in ("files", "streams", "facts"):
            if self.all(_ORPHANS.format(table)):
                raise self.damaged(f"a row of {table} refers to a missing job")

    def damaged(self, what: object) -> LedgerError:
        """The error for invalid data that was read."""
        return damaged(self.path, what)

    def close(self) -> None:
        """Commits buffered changes and closes the connection."""
        try:
            self.commit()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Closes the connection and discards uncommitted changes."""
        self._db.close()
        if self._place is not None:
            self._place.close()

    # -- writing ------------------------------------------------------------------------------------

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Buffers a statement for each row until the next commit."""
        last = self._changes[-1] if self._changes else None
        if isinstance(last, tuple) and last[0] == sql:
            last[1].extend(rows)
        else:
            self._changes.append((sql, list(rows)))

    def write_within(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Executes a statement for each row immediately, inside the transaction of ``now`` or ``change``."""
        self._db.executemany(sql, rows)

    def change(self, work: Callable[[], None]) -> None:
        """Buffers a change that depends on current data; called in the next commit's transaction."""
        self._changes.append(work)

    def now(self, work: Callable[[], T]) -> T:
        """Executes buffered changes and ``work`` in one transaction.

        Raises:
            LockedError: others hold the lock for too long; buffered changes are kept.
            HeldError: others hold the lock at the moment; buffered changes are kept.
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
        """Writes buffered changes.

        Raises:
            LockedError, HeldError: others hold the lock; buffered changes are kept.
            DiskError: the file cannot be written; buffered changes are lost.
        """
        if self._changes:
            self.now(lambda: None)

    def try_commit(self) -> bool:
        """Commits; returns False instead of waiting if the lock is held and ``waiting`` says not to wait."""
        try:
            self.commit()
        except HeldError:
            return False
        return True

    def sync_each_commit(self) -> None:
        """Makes this and every later commit survive a power failure, not only a crash of the process."""
        self._run("PRAGMA synchronous = FULL")
        self.commit()

    def note(self, look: Callable[[], T], keep: Callable[[T], tuple[str, Values]]) -> T:
        """Returns what ``look`` finds and stores it with the statement from ``keep``.

        The lock is not held during ``look``. If others wrote in the meantime, the result is not stored: it
        is only a cache.
        """
        self.commit()
        self._patiently(lambda: self._db.execute("BEGIN"))
        try:
            self.one("SELECT 1 FROM jobs")  # pins the read snapshot
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
        """The first row of a query's result.

        ``ahead``: write buffered changes first, so that the query sees them.
        """
        if ahead:
            self._catch_up()
        found: tuple[Any, ...] | None = self._patiently(
            lambda: self._db.execute(sql, values).fetchone()
        )
        return found

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query's result."""
        self._catch_up()
        return self._patiently(lambda: self._db.execute(sql, values).fetchall())

    def rows(self, sql: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """Iterates over a query's result."""
        for page in self.pages(sql, values):
            yield from page

    def pages(self, sql: str, values: Values = ()) -> Iterator[list[tuple[Any, ...]]]:
        """Iterates over a query's result, many rows at a time."""
        self._catch_up()
        cursor = self._patiently(lambda: self._db.execute(sql, values))
        while page := self._patiently(lambda: cursor.fetchmany(_AT_ONCE)):
            yield page

    def _catch_up(self) -> None:
        if self._changes and not self._db.in_transaction:
            self.commit()

    def _run(self, sql: str, values: Values = ()) -> None:
        try:
            self._db.execute(sql, values)
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from None


def _look_at(path: Path) -> Path | None:
    """Returns the first of a ledger's files that has another hard link, if any.

    SQLite opens files by path, follows links and may block: raises InTheWayError if one is not a
    regular file.
    """
    linked = None
    for ending in _FILES:
        each = path.with_name(path.name + ending)
        refuse_others(each)
        found = regular(each)
        if found is not None and found.st_nlink > 1:
            linked = linked or each
    return linked

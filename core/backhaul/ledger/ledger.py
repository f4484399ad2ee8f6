"""The ledger: one SQLite file per destination, written by the driver alone."""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from backhaul.errors import BackhaulError, DiskError
from backhaul.ledger.rows import (
    FILE_COLUMNS,
    JOB_COLUMNS,
    KNOWN_COLUMNS,
    MANIFEST_COLUMNS,
    PIECE,
    FileRow,
    JobRow,
    KnownRow,
    ManifestRow,
    dump_meta,
    dump_slots,
    file_row,
    job_row,
    known_row,
    listed_values,
    stamp,
)
from backhaul.ledger.schema import VERSION, migrate
from backhaul.names import key
from backhaul.types import JobStatus, RemoteFile, SlotState

FOLDER = ".backhaul"
FILE = "ledger.sqlite"
_DIGESTED = 4096
# A file that is here is known by its hash, any other by its name; the sums stand for the rest.
_DIGEST = (
    "group_concat(state || coalesce(sha256, name)) || '|' || count(*) || '|' ||"
    " total(size) || '|' || total(records) || '|' || total(fetched) || '|' ||"
    " total(start) || '|' || total(\"end\")"
)


class LedgerError(BackhaulError):
    """The ledger cannot be used: damaged, or written by a newer backhaul."""


def ledger_path(dest: Path) -> Path:
    """Where the ledger of a destination lies."""
    return dest / FOLDER / FILE


class Ledger:
    """What is here, proven. One connection, used by one thread.

    Changes gather in a transaction until ``commit``; readers in other processes see whole batches.

    Args:
        dest: the destination folder.
        readonly: open what is there, or an empty one in memory when there is none.

    Raises:
        LedgerError: it is damaged or of a newer version.
        DiskError: it cannot be created.
    """

    def __init__(self, dest: Path, *, readonly: bool = False) -> None:
        self.path = ledger_path(dest)
        self._last_id = 0
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
                timeout=30,
            )
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            db.close()
            raise LedgerError(
                f"{self.path}: written by a newer backhaul (version {found}, this one knows {VERSION});"
                " install the newer one"
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cache_size = -8192")
        migrate(db)
        return db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is open and lets go."""
        self.commit()
        self._db.close()

    def commit(self) -> None:
        """Makes the batch of changes lasting. Raises DiskError."""
        if self._db.in_transaction:
            self._run("COMMIT")

    def sync_each_commit(self) -> None:
        """From now on a commit outlives a power cut, not only the process."""
        self.commit()
        self._run("PRAGMA synchronous = FULL")

    def rollback(self) -> None:
        """Forgets the changes since the last commit."""
        if self._db.in_transaction:
            self._run("ROLLBACK")

    def _run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._run("BEGIN IMMEDIATE")

    def _write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._begin()
        try:
            self._db.executemany(sql, rows)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from None

    # -- jobs ---------------------------------------------------------------------------------

    def job(self, name: str) -> JobRow | None:
        """The job of that name, if it was ever asked for."""
        row = self._run(f"SELECT {JOB_COLUMNS} FROM jobs WHERE name = ?", (name,)).fetchone()
        return job_row(row) if row else None

    def open_job(self, name: str, *, source: str, provider: str) -> int:
        """The job's id, made when it is new."""
        self._write(
            "INSERT INTO jobs (name, source, provider) VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET source = excluded.source, provider = excluded.provider"
            " WHERE source != excluded.source OR provider != excluded.provider",
            [(name, source, provider)],
        )
        (job,) = self._run("SELECT id FROM jobs WHERE name = ?", (name,)).fetchone()
        return int(job)

    def save_status(self, job: int, status: JobStatus) -> None:
        """Remembers what the provider said of the job."""
        totals = status.totals
        self._write(
            "UPDATE jobs SET state = ?, percent = ?, message = ?, expires = ?, total_files = ?,"
            " total_records = ?, total_bytes = ?, slots = ?, warnings = ?, asked = ? WHERE id = ?",
            [
                (
                    status.state,
                    status.percent,
                    status.message,
                    stamp(status.expires),
                    totals.files if totals else None,
                    totals.records if totals else None,
                    totals.bytes if totals else None,
                    dump_slots(status.slots),
                    json.dumps(status.warnings),
                    int(time.time()),
                    job,
                )
            ],
        )

    def save_problems(self, job: int, problems: Sequence[tuple[str, str]]) -> None:
        """Remembers the job's own failures, (kind, message) each."""
        self._write("UPDATE jobs SET problems = ? WHERE id = ?", [(json.dumps(problems), job)])

    def save_listed(self, job: int, *, rate: float | None = None) -> None:
        """Remembers that the job was listed whole just now, and how fast it came (bytes/s)."""
        self._write(
            "UPDATE jobs SET listed = ?, rate = COALESCE(?, rate) WHERE id = ?",
            [(int(time.time()), rate, job)],
        )

    # -- files --------------------------------------------------------------------------------

    def known(self, job: int, keys: Sequence[str]) -> dict[str, KnownRow]:
        """What is known of those files that the ledger has, by key (see names.key)."""
        marks = ",".join("?" * len(keys))
        rows = self._run(
            f"SELECT key, {KNOWN_COLUMNS} FROM files WHERE job = ? AND key IN ({marks})",
            (job, *keys),
        )
        return {row[0]: known_row(row[1:]) for row in rows}

    def file(self, job: int, name: str) -> FileRow | None:
        """All that is known of a file."""
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? AND key = ?"
        row = self._run(sql, (job, key(name))).fetchone()
        return file_row(row) if row else None

    def held(self, job: int, keys: Sequence[str]) -> dict[str, int]:
        """The sizes of those files that are verified, by key; less to read than ``known``."""
        marks = ",".join("?" * len(keys))
        rows = self._run(
            "SELECT key, size FROM files WHERE job = ? AND state IN ('verified', 'suspect')"
            f" AND key IN ({marks})",
            (job, *keys),
        )
        return dict(rows.fetchall())

    def has_files(self, job: int) -> bool:
        """Whether the ledger knows any file of the job."""
        return self._run("SELECT 1 FROM files WHERE job = ? LIMIT 1", (job,)).fetchone() is not None

    def add_files(self, job: int, files: Sequence[RemoteFile], *, flags: int = 0) -> range:
        """Adds new files as pending; says which ids they have. Raises LedgerError on a known one."""
        self._begin()
        (last,) = self._run("SELECT coalesce(max(id), 0) FROM files").fetchone()
        first = max(last, self._last_id) + 1  # a number is given once, also after its row is gone
        ids = range(first, first + len(files))
        self._last_id = ids[-1] if files else self._last_id
        self._write(
            'INSERT INTO files (id, job, key, name, state, start, "end", content, footer_lines,'
            " listed_size, listed_records, checksum, flags, meta)"
            f" VALUES (?,?,?,?,'pending',?,?,?,?,?,?,?,? | {int(flags)},?)",
            [
                (number, job, key(file.name), file.name, *listed_values(file), dump_meta(file))
                for number, file in zip(ids, files, strict=True)
            ],
        )
        return ids

    def renew_files(self, rows: Iterable[tuple[int, RemoteFile]], *, flags: int = 0) -> None:
        """Renews what the provider says of files that are known by their ids."""
        self._write(
            'UPDATE files SET start = ?, "end" = ?, content = ?, footer_lines = ?, listed_size = ?,'
            f" listed_records = ?, checksum = ?, flags = ? | {int(flags)}, meta = ? WHERE id = ?",
            [(*listed_values(file), dump_meta(file), number) for number, file in rows],
        )

    def save_done(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Marks files as verified and on disk.

        Each row: state, size, sha256, records, validator, origin, message, fetched, job, key.
        """
        self._write(
            "UPDATE files SET state = ?, kind = NULL, size = ?, sha256 = ?, records = ?,"
            " validator = ?, origin = ?, message = ?, fetched = ? WHERE job = ? AND key = ?",
            rows,
        )

    def save_failed(
        self, job: int, name: str, *, state: SlotState, kind: str, message: str
    ) -> None:
        """Remembers why a file is not here; its last sha256 stays, to know the file again by."""
        self._write(
            "UPDATE files SET state = ?, kind = ?, message = ?, size = NULL, records = NULL,"
            " fetched = NULL WHERE job = ? AND key = ?",
            [(state, kind, message, job, key(name))],
        )

    def save_expired(self, job: int, message: str) -> None:
        """Marks all files that are not here as beyond reach."""
        self._write(
            "UPDATE files SET state = 'failed', kind = 'expired', message = ?"
            " WHERE job = ? AND state IN ('pending', 'partial')",
            [(message, job)],
        )

    def reset(self, job: int, names: Iterable[str]) -> None:
        """Takes back what was said of files that are not on disk any more."""
        self._write(
            "UPDATE files SET state = 'pending', kind = NULL, message = NULL, size = NULL,"
            " sha256 = NULL, records = NULL, fetched = NULL WHERE job = ? AND key = ?",
            [(job, key(name)) for name in names],
        )

    def forget(self, job: int, ids: Iterable[int]) -> None:
        """Drops files that the provider lists no more and that are not here."""
        self._write("DELETE FROM files WHERE job = ? AND id = ?", [(job, row) for row in ids])

    def unfinished(self, job: int) -> list[int]:
        """Ids of listed files that are not here."""
        rows = self._run(
            "SELECT id FROM files WHERE job = ? AND state NOT IN ('verified', 'suspect')"
            f" AND NOT flags & {PIECE}",
            (job,),
        )
        return [number for (number,) in rows]

    def files(self, job: int) -> Iterator[FileRow]:
        """All files of the job, one by one, in order of time; those without a time come first."""
        yield from self._select(job, "ORDER BY start, name")

    def manifest_rows(self, job: int) -> Iterator[ManifestRow]:
        """The same files in the same order, with what a manifest says of them."""
        sql = f"SELECT {MANIFEST_COLUMNS} FROM files WHERE job = ? ORDER BY start, name"
        return map(ManifestRow._make, self._run(sql, (job,)))

    def files_without_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files that cover no period, by name."""
        yield from self._select(job, "AND start IS NULL ORDER BY name")

    def files_with_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files that cover a period, in order of time."""
        yield from self._select(job, "AND start IS NOT NULL ORDER BY start, name")

    def spans(self, job: int) -> Iterator[tuple[float, float]]:
        """Start and end of the job's files that cover a period, in order of time (unix seconds)."""
        return self._run(
            'SELECT start, coalesce("end", 0) FROM files WHERE job = ? AND start IS NOT NULL'
            " ORDER BY start",
            (job,),
        )

    def failed_files(self, job: int) -> Iterator[FileRow]:
        """The job's files that failed, by name."""
        yield from self._select(job, "AND kind IS NOT NULL ORDER BY name")

    def _select(self, job: int, rest: str) -> Iterator[FileRow]:
        # `rest` is one of the constants above, never a value from outside.
        for row in self._run(f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? {rest}", (job,)):
            yield file_row(row)

    def count_states(self, job: int) -> dict[SlotState, int]:
        """How many files are in which state."""
        rows = self._run("SELECT state, count(*) FROM files WHERE job = ? GROUP BY state", (job,))
        return {SlotState(state): count for state, count in rows}

    def sums(self, job: int) -> tuple[int, int, int, int]:
        """Verified files that count towards the provider's totals: files, records, bytes; and all records.

        Where some of a job's files have a slot, those without one (lists of doubtful minutes, say)
        do not count.
        """
        files, records, size, slotted, slotted_records, slotted_size = self._run(
            "SELECT count(*), total(records), total(size), count(start),"
            " total(records) FILTER (WHERE start IS NOT NULL),"
            " total(size) FILTER (WHERE start IS NOT NULL)"
            " FROM files WHERE job = ? AND state IN ('verified', 'suspect')",
            (job,),
        ).fetchone()
        if slotted:
            return slotted, int(slotted_records), int(slotted_size), int(records)
        return files, int(records), int(size), int(records)

    def digest_texts(self, job: int) -> Iterator[str]:
        """All that is known of the job's files as texts: the same ones as long as nothing changes.

        Made by SQLite a few thousand files at a time: a Python loop over them would take longer
        than a second run over all of them may.
        """
        low, high = self._run("SELECT min(id), max(id) FROM files WHERE job = ?", (job,)).fetchone()
        for start in range(low or 0, (high or -1) + 1, _DIGESTED):
            (text,) = self._run(
                f"SELECT {_DIGEST} FROM files WHERE id >= ? AND id < ? AND +job = ?",
                (start, start + _DIGESTED, job),
            ).fetchone()
            yield text or ""

    # -- chunked files ------------------------------------------------------------------------

    def stream(self, job: int, name: str) -> tuple[str | None, int, int, int, bool] | None:
        """How far a chunked file is: cursor, piece, length of the piece, its records, whether done."""
        row = self._run(
            "SELECT cursor, piece, length, records, done FROM streams WHERE job = ? AND name = ?",
            (job, name),
        ).fetchone()
        return (row[0], row[1], row[2], row[3], bool(row[4])) if row else None

    def save_stream(
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
        self._write(
            "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(job, name, cursor, piece, length, records, done)],
        )

    # -- hosts --------------------------------------------------------------------------------

    def host_connections(self, origin: str) -> int | None:
        """How many connections the host allowed last time."""
        row = self._run("SELECT connections FROM hosts WHERE origin = ?", (origin,)).fetchone()
        return row[0] if row else None

    def save_hosts(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Remembers how many connections each host allowed."""
        now = int(time.time())
        self._write(
            "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?)",
            [(origin, connections, now) for origin, connections in hosts],
        )


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

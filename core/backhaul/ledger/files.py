"""The ledger's table of files: what was listed, and what became of each."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from backhaul.errors import FailureKind
from backhaul.ledger.database import Database
from backhaul.ledger.facts import Facts
from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.rows import (
    CHANGED,
    FILE_COLUMNS,
    GONE,
    KNOWN_COLUMNS,
    SUSPECT,
    FileRow,
    KnownRow,
    dump_meta,
    file_row,
    listed_values,
    sealed_values,
)
from backhaul.ledger.sound import seal_of
from backhaul.names import key
from backhaul.types import Proof, RemoteFile, SlotState

# KnownRow._make without a Python-level call per row.
_known_row: Callable[[tuple[Any, ...]], KnownRow] = partial(tuple.__new__, KnownRow)

# Updates the state when the provider starts or stops marking a file as suspect (the flag is bound
# twice). A message means that backhaul, not the provider, found the file suspect.
_DOUBTED = (
    "CASE WHEN state = 'verified' AND ? THEN 'suspect'"
    " WHEN state = 'suspect' AND NOT ? AND message IS NULL THEN 'verified' ELSE state END"
)


# Rows of an INSERT: after each statement, sqlite3 waits until the other threads let it continue.
# SQLite before 3.32 takes at most 999 values.
_TOGETHER = 64
_MOST = 1 << 32  # highest row id accepted; a run keeps one bit per id


class FileTable:
    """One row per file, by job and key (see names.key)."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts
        self._last_id = 0

    def known(self, job: int, keys: Sequence[str]) -> dict[str, KnownRow]:
        """The rows of those files that the ledger has, by key (see names.key)."""
        sql = f"SELECT {KNOWN_COLUMNS} FROM files WHERE job = ? AND key"
        found: list[tuple[Any, ...]] = []
        # Listings are mostly sorted and contiguous in the index: a range scan takes half the time of
        # single lookups, unless the range holds many other rows.
        most = 2 * len(keys)
        if len(keys) > 1:
            span = (job, min(keys), max(keys), most)
            found = self._db.all(f"{sql} BETWEEN ? AND ? LIMIT ?", span)
        if len(keys) == 1 or len(found) == most:
            marks = ",".join("?" * len(keys))
            found = self._db.all(f"{sql} IN ({marks})", (job, *keys))
            return {row[0]: row for row in map(_known_row, found)}
        rows = {row[0]: row for row in map(_known_row, found)}
        for unasked in rows.keys() - keys:
            del rows[unasked]
        return rows

    def get(self, job: int, name: str) -> FileRow | None:
        """The row of a file, if there is one."""
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? AND key = ?"
        return self._made(self._db.one(sql, (job, key(name))))

    def _made(self, row: tuple[Any, ...] | None) -> FileRow | None:
        try:
            return file_row(row) if row else None
        except UnsoundError as error:
            raise self._db.damaged(f"{error}, in the row of {row and row[1]!r}") from None

    def look(self, row: KnownRow, name: str) -> None:
        """Validates a row that differs from the listing. Raises LedgerError.

        Args:
            row: the known row.
            name: the file's name in the listing.
        """
        self._look(row)
        if row.name != name:
            self._made(self._db.one(f"SELECT {FILE_COLUMNS} FROM files WHERE id = ?", (row.id,)))

    def _look(self, row: KnownRow) -> None:
        try:
            row.look()
        except UnsoundError as error:
            raise self._db.damaged(f"{error}, in the row of {row.key!r}") from None

    def check_all(self) -> None:
        """Validates all rows of all jobs. Raises LedgerError."""
        for row in self._db.rows(f"SELECT {KNOWN_COLUMNS} FROM files NOT INDEXED"):
            self._look(_known_row(row))

    def number(self, job: int, name: str) -> int | None:
        """The id of a file that the ledger has; does not write buffered changes."""
        sql = "SELECT id FROM files WHERE job = ? AND key = ?"
        found = self._db.one(sql, (job, key(name)), ahead=False)
        return None if found is None else int(found[0])

    def has_any(self, job: int) -> bool:
        """Whether the ledger has any file of the job."""
        return self._db.one("SELECT 1 FROM files WHERE job = ? LIMIT 1", (job,)) is not None

    def count(self, job: int) -> int:
        """The number of the job's rows, including volumes."""
        ((number,),) = self._db.all("SELECT count(*) FROM files WHERE job = ?", (job,))
        return int(number)

    def add(self, job: int, files: Sequence[RemoteFile], *, flags: int = 0) -> range:
        """Inserts new files as pending, immediately, and returns their ids.

        Raises:
            LedgerError: a file already exists.
            LockedError, HeldError: others hold the lock; nothing was added.
        """
        return self._db.now(lambda: self._insert(job, files, flags))

    def _insert(self, job: int, files: Sequence[RemoteFile], flags: int) -> range:
        # Other runs add files too: the next id is known only while they cannot write.
        first = max(self._last(), self._last_id) + 1  # ids are never reused, even after a delete
        ids = range(first, first + len(files))
        self._facts.drop_within(job)
        into = (
            'INSERT INTO files (id, job, key, name, state, start, "end", content, footer_lines,'
            " listed_size, listed_records, checksum, version, flags, meta, listed_seal) VALUES "
        )
        one = f"(?,?,?,?,'pending',?,?,?,?,?,?,?,?,? | {int(flags)},?,?)"
        rows = [
            (number, job, key(file.name), file.name, *sealed_values(file))
            for number, file in zip(ids, files, strict=True)
        ]
        groups = range(_TOGETHER, len(rows) + 1, _TOGETHER)
        self._db.write_within(
            into + ",".join([one] * _TOGETHER),
            [tuple(chain.from_iterable(rows[end - _TOGETHER : end])) for end in groups],
        )
        self._db.write_within(into + one, rows[len(groups) * _TOGETHER :])
        self._last_id = ids[-1] if files else self._last_id
        return ids

    def check_numbers(self) -> None:
        """Checks that row ids are in the valid range. Raises LedgerError."""
        ((first,),) = self._db.all("SELECT coalesce(min(id), 1) FROM files")
        if first < 1 or self._last() > _MOST:
            raise self._db.damaged("a row id out of range")

    def _last(self) -> int:
        ((last,),) = self._db.all("SELECT coalesce(max(id), 0) FROM files")
        return int(last)

    def renew(self, job: int, rows: Iterable[tuple[int, RemoteFile]], *, flags: int = 0) -> None:
        """Updates what the provider lists for files, by id.

        If the provider marks a present file as suspect, or no longer does, its state follows.
        """
        self._write(
            [job],
            'UPDATE files SET start = ?, "end" = ?, content = ?, footer_lines = ?, listed_size = ?,'
            f" listed_records = ?, checksum = ?, version = ?, flags = ? | {int(flags)}, meta = ?,"
            f" listed_seal = ?, state = {_DOUBTED} WHERE id = ?",
            [(*sealed_values(file), file.suspect, file.suspect, number) for number, file in rows],
        )

    def mark_changed(self, job: int, rows: Iterable[tuple[int, RemoteFile]]) -> None:
        """Records that the listing now has another version of some files.

        Size, checksum and version remain those of the verified bytes until they are replaced.
        """
        changeable = [
            (number, (*listed_values(file)[:2], listed_values(file)[-1], dump_meta(file)))
            for number, file in rows
        ]
        self._write(
            [job],
            f'UPDATE files SET start = ?, "end" = ?, flags = ? | {CHANGED}, meta = ?,'
            " listed_seal = seal_of(name, ?, ?, content, footer_lines, listed_size,"
            " listed_records, checksum, version, ?, ?) WHERE id = ?",
            [(*values, *values, number) for number, values in changeable],
        )

    def agree(self, job: int, rows: Iterable[tuple[Proof, int]]) -> None:
        """Adds what a listing proves about present files; verifies files entered by a rebuild."""
        self._write(
            [job],
            "UPDATE files SET proof = coalesce(proof, 0) | ?, seal = CASE WHEN seal IS NOT NULL"
            " THEN seal_of(key, size, sha256, records, validator, origin, fetched,"
            " coalesce(proof, 0) | ?) END, state = CASE WHEN state !="
            f" 'unknown' THEN state WHEN flags & {SUSPECT} OR message IS NOT NULL THEN 'suspect'"
            " ELSE 'verified' END WHERE id = ?",
            [(int(proof), int(proof), number) for proof, number in rows],
        )

    def proof(self, job: int, key: str, sha256: str) -> int:
        """What proved the file with this sha256 to be whole when it was fetched, as Proof bits.

        Does not write buffered changes: none of them affects the result.
        """
        sql = "SELECT proof FROM files WHERE job = ? AND key = ? AND sha256 = ?"
        found = self._db.one(sql, (job, key, sha256), ahead=False)
        return (found[0] or 0) if found else 0

    def restore(self, job: int, rows: Sequence[FileRow]) -> None:
        """Inserts rows from another ledger under new ids; the first of two rows for a file wins."""
        kept = [name for name in FileRow._fields if name != "id"]
        names = ", ".join(f'"{name}"' for name in ("job", "key", *kept))
        self._write(
            [job],
            f"INSERT OR IGNORE INTO files ({names}) VALUES ({', '.join('?' * (len(kept) + 2))})",
            [(job, key(row.name), *(getattr(row, name) for name in kept)) for row in rows],
        )

    def save_done(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Marks files as verified and on disk.

        Each row: state, size, sha256, records, validator, origin, message, fetched, proof, job, key.
        """
        self._write(
            {row[-2] for row in rows},
            "UPDATE files SET state = ?, kind = NULL, size = ?, sha256 = ?, records = ?,"
            " validator = ?, origin = ?, message = ?, fetched = ?, proof = ?, seal = ?"
            " WHERE job = ? AND key = ?",
            [(*row[:-2], _seal(row), *row[-2:]) for row in rows],
        )

    def save_etags(
        self, job: int, names: Iterable[str], etag_of: Callable[[str], str | None]
    ) -> None:
        """Records the ETags of published objects, for ``verify`` to compare."""
        found = ((name, etag_of(name)) for name in names)
        sql = "UPDATE files SET etag = ? WHERE job = ? AND key = ?"
        self._db.write(sql, [(etag, job, key(name)) for name, etag in found if etag])

    def etags(self, ids: Sequence[int]) -> dict[int, str]:
        """The ETags of published objects, by the files' ids."""
        marks = ",".join("?" * len(ids))
        sql = f"SELECT id, etag FROM files WHERE etag IS NOT NULL AND id IN ({marks})"
        return {number: str(etag) for number, etag in self._db.all(sql, tuple(ids))}

    def save_failed(
        self, job: int, name: str, *, state: SlotState, kind: str, message: str
    ) -> None:
        """Records why a file is not present.

        Its last sha256 and proof are kept to recognize the file.
        """
        self._write(
            [job],
            "UPDATE files SET state = ?, kind = ?, message = ?, size = NULL, records = NULL,"
            " fetched = NULL WHERE job = ? AND key = ?",
            [(state, kind, message, job, key(name))],
        )

    def save_suspects(self, job: int, rows: Iterable[tuple[str, str]]) -> None:
        """Marks present files as suspect, by name, with the reason."""
        self._write(
            [job],
            "UPDATE files SET state = 'suspect', message = ? WHERE job = ? AND key = ?",
            [(message, job, key(name)) for name, message in rows],
        )

    def save_expired(self, job: int, message: str) -> None:
        """Marks all files that are not present as expired."""
        self._write(
            [job],
            "UPDATE files SET state = 'failed', kind = 'expired', message = ?"
            " WHERE job = ? AND state IN ('pending', 'partial')",
            [(message, job)],
        )

    def reset(self, job: int, names: Iterable[str]) -> None:
        """Resets files that were removed from disk to pending; keeps their sha256."""
        self._write(
            [job],
            "UPDATE files SET state = 'pending', kind = NULL, message = NULL, size = NULL,"
            " records = NULL, fetched = NULL WHERE job = ? AND key = ?",
            [(job, key(name)) for name in names],
        )

    def forget(self, job: int, ids: Iterable[int]) -> None:
        """Deletes rows of volumes that will be written again; not for listed files."""
        self._write(
            [job], "DELETE FROM files WHERE job = ? AND id = ?", [(job, row) for row in ids]
        )

    def validators(self, job: int, keys: Sequence[str]) -> dict[str, tuple[str, int]]:
        """The validator and fetch time (Unix seconds) of files that have a validator, by key."""
        marks = ",".join("?" * len(keys))
        rows = self._db.all(
            "SELECT key, validator, coalesce(fetched, 0) FROM files WHERE job = ?"
            f" AND validator IS NOT NULL AND key IN ({marks})",
            (job, *keys),
        )
        return {key: (str(validator), fetched) for key, validator, fetched in rows}

    def save_absent(
        self, job: int, rows: Iterable[tuple[int, SlotState, FailureKind | None, str]]
    ) -> None:
        """Records why files are not present: id, state, kind, message.

        Their last sha256 and proof are kept to recognize the files.
        """
        self._write(
            [job],
            "UPDATE files SET state = ?, kind = ?, message = ?, size = NULL, records = NULL,"
            " fetched = NULL WHERE id = ?",
            [(state, kind, message, number) for number, state, kind, message in rows],
        )

    def mark_gone(self, job: int, ids: Iterable[int]) -> None:
        """Marks files as no longer listed."""
        self._write(
            [job],
            f"UPDATE files SET flags = flags | {GONE} WHERE id = ?",
            [(number,) for number in ids],
        )

    def _write(self, jobs: Iterable[int], sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._facts.drop(jobs)
        self._db.write(sql, rows)


def _seal(row: tuple[Any, ...]) -> int:
    """Checksum of the verified properties of a file, from a row of ``save_done``."""
    _, size, sha256, records, validator, origin, _, fetched, proof, _, name = row
    return seal_of(name, size, sha256, records, validator, origin, fetched, proof)

"""The ledger's files: what is known of each, and what becomes of it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
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

# As KnownRow._make does, without a call of Python's for each of a million rows.
_known_row: Callable[[tuple[Any, ...]], KnownRow] = partial(tuple.__new__, KnownRow)

# The state of a row whose file the provider doubts, or does not doubt any more (twice the flag); a
# message says that it was not the provider who found something.
_DOUBTED = (
    "CASE WHEN state = 'verified' AND ? THEN 'suspect'"
    " WHEN state = 'suspect' AND NOT ? AND message IS NULL THEN 'verified' ELSE state END"
)


_MOST = 1 << 32  # rows that a ledger has ever had; a run keeps a bit for each


class FileTable:
    """One row a file, by job and key (see names.key)."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts
        self._last_id = 0

    def known(self, job: int, keys: Sequence[str]) -> dict[str, KnownRow]:
        """What is known of those files that the ledger has, by key (see names.key)."""
        sql = f"SELECT {KNOWN_COLUMNS} FROM files WHERE job = ? AND key"
        found: list[tuple[Any, ...]] = []
        # A listing is in order, mostly, and lies side by side in the index: one walk along it takes
        # half the time of a look for each, unless much lies between that was not asked for.
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
        """All that is known of a file."""
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? AND key = ?"
        return self._made(self._db.one(sql, (job, key(name))))

    def _made(self, row: tuple[Any, ...] | None) -> FileRow | None:
        try:
            return file_row(row) if row else None
        except UnsoundError as error:
            raise self._db.damaged(f"{error}, in a row of {row and row[1]!r}") from None

    def look(self, row: KnownRow, name: str) -> None:
        """Looks at a row that a listing does not agree with. Raises LedgerError.

        Args:
            row: what is known.
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

    def look_through(self) -> None:
        """Looks at all rows of all jobs. Raises LedgerError."""
        for row in self._db.rows(f"SELECT {KNOWN_COLUMNS} FROM files NOT INDEXED"):
            self._look(_known_row(row))

    def number(self, job: int, name: str) -> int | None:
        """The id of a file that the ledger has; what has gathered need not be written for it."""
        sql = "SELECT id FROM files WHERE job = ? AND key = ?"
        found = self._db.one(sql, (job, key(name)), ahead=False)
        return None if found is None else int(found[0])

    def has_any(self, job: int) -> bool:
        """Whether the ledger knows any file of the job."""
        return self._db.one("SELECT 1 FROM files WHERE job = ? LIMIT 1", (job,)) is not None

    def count(self, job: int) -> int:
        """How many files of the job the ledger has, pieces too."""
        ((number,),) = self._db.all("SELECT count(*) FROM files WHERE job = ?", (job,))
        return int(number)

    def add(self, job: int, files: Sequence[RemoteFile], *, flags: int = 0) -> range:
        """Adds new files as pending, at once; says which ids they have.

        Raises:
            LedgerError: one is known.
            LockedError, HeldError: others hold the ledger, and nothing was added.
        """
        return self._db.now(lambda: self._insert(job, files, flags))

    def _insert(self, job: int, files: Sequence[RemoteFile], flags: int) -> range:
        # Other runs add files as well: their numbers are known only while none of them can write.
        first = max(self._last(), self._last_id) + 1  # given once, also after its row is gone
        ids = range(first, first + len(files))
        self._facts.drop_within(job)
        self._db.write_within(
            'INSERT INTO files (id, job, key, name, state, start, "end", content, footer_lines,'
            " listed_size, listed_records, checksum, version, flags, meta, listed_seal)"
            f" VALUES (?,?,?,?,'pending',?,?,?,?,?,?,?,?,? | {int(flags)},?,?)",
            [
                (number, job, key(file.name), file.name, *sealed_values(file))
                for number, file in zip(ids, files, strict=True)
            ],
        )
        self._last_id = ids[-1] if files else self._last_id
        return ids

    def look_at_numbers(self) -> None:
        """Looks whether the rows have numbers that can have been given. Raises LedgerError."""
        ((first,),) = self._db.all("SELECT coalesce(min(id), 1) FROM files")
        if first < 1 or self._last() > _MOST:
            raise self._db.damaged("a number of a row that was never given")

    def _last(self) -> int:
        ((last,),) = self._db.all("SELECT coalesce(max(id), 0) FROM files")
        return int(last)

    def renew(self, job: int, rows: Iterable[tuple[int, RemoteFile]], *, flags: int = 0) -> None:
        """Renews what the provider says of the job's files that are known by their ids.

        Whether the provider doubts a file is its state, too, once the file is here.
        """
        self._write(
            [job],
            'UPDATE files SET start = ?, "end" = ?, content = ?, footer_lines = ?, listed_size = ?,'
            f" listed_records = ?, checksum = ?, version = ?, flags = ? | {int(flags)}, meta = ?,"
            f" listed_seal = ?, state = {_DOUBTED} WHERE id = ?",
            [(*sealed_values(file), file.suspect, file.suspect, number) for number, file in rows],
        )

    def contradict(self, job: int, rows: Iterable[tuple[int, RemoteFile]]) -> None:
        """Notes that the list has another version of some files than the one that was proven.

        Size, checksum and version stay those of the proven bytes until others take their place.
        """
        self._write(
            [job],
            f'UPDATE files SET start = ?1, "end" = ?2, flags = ?3 | {CHANGED}, meta = ?4,'
            " listed_seal = seal_of(name, ?1, ?2, content, footer_lines, listed_size,"
            " listed_records, checksum, version, ?3, ?4) WHERE id = ?5",
            [
                (*listed_values(file)[:2], listed_values(file)[-1], dump_meta(file), number)
                for number, file in rows
            ],
        )

    def agree(self, job: int, rows: Iterable[tuple[Proof, int]]) -> None:
        """Adds what a listing proves of files that are here; what a rebuild entered is verified."""
        self._write(
            [job],
            "UPDATE files SET proof = coalesce(proof, 0) | ?1, seal = CASE WHEN seal IS NOT NULL"
            " THEN seal_of(key, size, sha256, records, validator, origin, fetched,"
            " coalesce(proof, 0) | ?1) END, state = CASE WHEN state !="
            f" 'unknown' THEN state WHEN flags & {SUSPECT} OR message IS NOT NULL THEN 'suspect'"
            " ELSE 'verified' END WHERE id = ?2",
            [(int(proof), number) for proof, number in rows],
        )

    def being_replaced(self, job: int, ids: Iterable[int]) -> None:
        """Takes back that files are here, since others are about to get their names.

        The sha256 of the old ones stays, to know them again by.
        """
        self._write(
            [job],
            "UPDATE files SET state = 'pending', kind = NULL, message = 'being replaced', size = NULL,"
            " records = NULL, fetched = NULL WHERE id = ?",
            [(number,) for number in ids],
        )

    def proof(self, job: int, key: str, sha256: str) -> int:
        """What showed that the bytes of this digest are whole when they came, as bits of Proof.

        No change to a file that is not here takes from that: none need be written first.
        """
        sql = "SELECT proof FROM files WHERE job = ? AND key = ? AND sha256 = ?"
        found = self._db.one(sql, (job, key, sha256), ahead=False)
        return (found[0] or 0) if found else 0

    def restore(self, job: int, rows: Sequence[FileRow]) -> None:
        """Enters rows of another ledger under numbers of this one; of two for one file the first stays."""
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

    def save_failed(
        self, job: int, name: str, *, state: SlotState, kind: str, message: str
    ) -> None:
        """Remembers why a file is not here.

        Its last sha256 stays, to know the file again by, with what proved it.
        """
        self._write(
            [job],
            "UPDATE files SET state = ?, kind = ?, message = ?, size = NULL, records = NULL,"
            " fetched = NULL WHERE job = ? AND key = ?",
            [(state, kind, message, job, key(name))],
        )

    def save_suspects(self, job: int, rows: Iterable[tuple[str, str]]) -> None:
        """Marks files that are here as suspect, by name, and says why."""
        self._write(
            [job],
            "UPDATE files SET state = 'suspect', message = ? WHERE job = ? AND key = ?",
            [(message, job, key(name)) for name, message in rows],
        )

    def save_expired(self, job: int, message: str) -> None:
        """Marks all files that are not here as beyond reach."""
        self._write(
            [job],
            "UPDATE files SET state = 'failed', kind = 'expired', message = ?"
            " WHERE job = ? AND state IN ('pending', 'partial')",
            [(message, job)],
        )

    def reset(self, job: int, names: Iterable[str]) -> None:
        """Takes back that files are here that are not on disk any more; their sha256 stays."""
        self._write(
            [job],
            "UPDATE files SET state = 'pending', kind = NULL, message = NULL, size = NULL,"
            " records = NULL, fetched = NULL WHERE job = ? AND key = ?",
            [(job, key(name)) for name in names],
        )

    def forget(self, job: int, ids: Iterable[int]) -> None:
        """Drops rows of ours: pieces that will be written again. What was listed stays known."""
        self._write(
            [job], "DELETE FROM files WHERE job = ? AND id = ?", [(job, row) for row in ids]
        )

    def validators(self, job: int, keys: Sequence[str]) -> dict[str, tuple[str, int]]:
        """With which validator files came, and when (unix seconds), by key; only those with one."""
        marks = ",".join("?" * len(keys))
        rows = self._db.all(
            "SELECT key, validator, coalesce(fetched, 0) FROM files WHERE job = ?"
            f" AND validator IS NOT NULL AND key IN ({marks})",
            (job, *keys),
        )
        return {key: (str(validator), fetched) for key, validator, fetched in rows}

    def save_unlisted(
        self, job: int, rows: Iterable[tuple[int, SlotState, FailureKind, str]]
    ) -> None:
        """Remembers files that are neither here nor listed any more: id, state, kind, message."""
        self._write(
            [job],
            "UPDATE files SET state = ?, kind = ?, message = ?, size = NULL, records = NULL,"
            " fetched = NULL WHERE id = ?",
            [(state, kind, message, number) for number, state, kind, message in rows],
        )

    def save_doubted(self, job: int, ids: Iterable[int], message: str) -> None:
        """Marks files as unknown that were missing, and says why."""
        self._write(
            [job],
            "UPDATE files SET state = ?, kind = NULL, message = ? WHERE id = ?",
            [(SlotState.UNKNOWN, message, number) for number in ids],
        )

    def mark_gone(self, job: int, ids: Iterable[int]) -> None:
        """Marks files as listed no more."""
        self._write(
            [job],
            f"UPDATE files SET flags = flags | {GONE} WHERE id = ?",
            [(number,) for number in ids],
        )

    def _write(self, jobs: Iterable[int], sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._facts.drop(jobs)
        self._db.write(sql, rows)


def _seal(row: tuple[Any, ...]) -> int:
    """A checksum of what was proven of a file, by a row of ``save_done``: else the file is blamed."""
    _, size, sha256, records, validator, origin, _, fetched, proof, _, name = row
    return seal_of(name, size, sha256, records, validator, origin, fetched, proof)

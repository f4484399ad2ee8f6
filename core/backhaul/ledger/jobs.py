"""The ledger's table of jobs: what the provider said about each, and what failed."""

import json
import time
from collections.abc import Sequence
from typing import Any

from backhaul.ledger.database import Database
from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.rows import JOB_COLUMNS, JobRow, dump_slots, job_row, job_seal, stamp
from backhaul.types import JobStatus

_NEW = frozenset({"id", "name", "problems", "listed", "seal"})  # not restored


class JobTable:
    """One row per job, by name, with a checksum; all changes go through ``_write``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> JobRow | None:
        """The job of that name, if the ledger has it."""
        row = self._db.one(f"SELECT {JOB_COLUMNS} FROM jobs WHERE name = ?", (name,))
        return None if row is None else self._made(row)

    def all(self) -> list[JobRow]:
        """All jobs."""
        return [self._made(row) for row in self._db.all(f"SELECT {JOB_COLUMNS} FROM jobs")]

    def others(self, name: str) -> list[JobRow]:
        """All other jobs whose fingerprint is known."""
        rows = self._db.all(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE name != ? AND fingerprint IS NOT NULL"
            " ORDER BY name",
            (name,),
        )
        return [self._made(row) for row in rows]

    def rename(self, job: int, name: str) -> None:
        """Renames a job, immediately; deletes an existing job of that name that has no files."""
        self._db.now(lambda: self._rename(job, name))

    def _rename(self, job: int, name: str) -> None:
        self._db.write_within("DELETE FROM jobs WHERE name = ? AND id != ?", [(name, job)])
        self._put(job, "name = ?", (name,))

    def save_fingerprint(self, job: int, text: str) -> None:
        """Stores the job's fingerprint: which archive it stands for."""
        self._write(job, "fingerprint = ?", text)

    def open(self, name: str, *, source: str, provider: str) -> int:
        """The job's id; inserts the job immediately if it is new."""
        row = self.get(name)
        if row is None:
            return self._db.now(lambda: self._make(name, source, provider))
        if (row.source, row.provider) != (source, provider):
            self._write(row.id, "source = ?, provider = ?", source, provider)
        return row.id

    def _make(self, name: str, source: str, provider: str) -> int:
        sql = "INSERT OR IGNORE INTO jobs (name, source, provider) VALUES (?, ?, ?)"
        self._db.write_within(sql, [(name, source, provider)])
        ((number,),) = self._db.all("SELECT id FROM jobs WHERE name = ?", (name,))
        self._put_seal(number)
        return int(number)

    def restore(self, row: JobRow, *, listed: bool = False) -> int:
        """Inserts a job from another ledger; unless ``listed``, as not completely listed yet."""
        number = self.open(row.name, source=row.source, provider=row.provider)
        kept = [
            name for name in JobRow._fields if name not in _NEW or (listed and name == "listed")
        ]
        changes = ", ".join(f"{name} = ?" for name in kept)
        self._write(number, changes, *(getattr(row, name) for name in kept))
        return number

    def _write(self, job: int, changes: str, *values: object) -> None:
        self._db.change(lambda: self._put(job, changes, values))

    def _put(self, job: int, changes: str, values: tuple[object, ...]) -> None:
        """Runs in a transaction so that no other run changes the row before its seal is updated."""
        self._made(self._row(job))  # never seal a damaged row
        self._db.write_within(f"UPDATE jobs SET {changes} WHERE id = ?", [(*values, job)])
        self._put_seal(job)

    def _put_seal(self, job: int) -> None:
        sql = "UPDATE jobs SET seal = ? WHERE id = ?"
        self._db.write_within(sql, [(job_seal(self._row(job)), job)])

    def _row(self, job: int) -> tuple[Any, ...]:
        row = self._db.one(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?", (job,))
        if row is None:
            raise self._db.damaged(f"job {job} has no row")
        return row

    def _made(self, row: tuple[Any, ...]) -> JobRow:
        try:
            return job_row(row)
        except UnsoundError as error:
            raise self._db.damaged(f"{error}, in a row of jobs") from None

    def save_status(self, job: int, status: JobStatus) -> None:
        """Stores the job's status from the provider."""
        totals = status.totals
        self._write(
            job,
            "state = ?, percent = ?, message = ?, expires = ?, total_files = ?,"
            " total_records = ?, total_bytes = ?, slots = ?, warnings = ?, asked = ?,"
            " refused = NULL",
            status.state.value,
            status.percent,
            status.message,
            stamp(status.expires),
            totals.files if totals else None,
            totals.records if totals else None,
            totals.bytes if totals else None,
            dump_slots(status.slots, bounded=status.bounded),
            json.dumps(status.warnings),
            int(time.time()),
        )

    def save_problems(self, job: int, problems: Sequence[tuple[str, str]]) -> None:
        """Stores the job's own failures as (kind, message)."""
        self._write(job, "problems = ?", json.dumps(problems))

    def save_refusal(self, job: int, kind: str, message: str) -> None:
        """Records that the provider refused a request just now or could not be reached."""
        now = int(time.time())
        self._write(job, "refused = ?, refusal = ?", now, json.dumps((kind, message)))

    def save_doubt(self, job: int, doubt: str) -> None:
        """Records why the listing does not prove which slots are silent; empty if it does."""
        self._write(job, "doubt = ?", doubt)

    def save_listed(self, job: int, *, rate: float | None = None) -> None:
        """Records that the job was listed completely just now, and the transfer rate (bytes/s)."""
        self._write(job, "listed = ?, rate = coalesce(?, rate)", int(time.time()), rate)

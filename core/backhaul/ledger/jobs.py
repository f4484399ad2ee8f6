"""The ledger's jobs: what the provider said of them, and what went wrong."""

import json
import time
from collections.abc import Sequence

from backhaul.ledger.database import Database
from backhaul.ledger.rows import JOB_COLUMNS, JobRow, dump_slots, job_row, stamp
from backhaul.types import JobStatus


class JobTable:
    """One row a job, by name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> JobRow | None:
        """The job of that name, if it was ever asked for."""
        row = self._db.run(f"SELECT {JOB_COLUMNS} FROM jobs WHERE name = ?", (name,)).fetchone()
        return job_row(row) if row else None

    def others(self, name: str) -> list[JobRow]:
        """All other jobs whose identity is known."""
        rows = self._db.run(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE name != ? AND fingerprint IS NOT NULL"
            " ORDER BY name",
            (name,),
        )
        return [job_row(row) for row in rows]

    def rename(self, job: int, name: str) -> None:
        """Calls a job by another name; a job without files that has this name is dropped."""
        self._db.write("DELETE FROM jobs WHERE name = ? AND id != ?", [(name, job)])
        self._db.write("UPDATE jobs SET name = ? WHERE id = ?", [(name, job)])

    def save_fingerprint(self, job: int, text: str) -> None:
        """Remembers which archive the job stands for."""
        self._db.write("UPDATE jobs SET fingerprint = ? WHERE id = ?", [(text, job)])

    def open(self, name: str, *, source: str, provider: str) -> int:
        """The job's id, made when it is new."""
        self._db.write(
            "INSERT INTO jobs (name, source, provider) VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET source = excluded.source, provider = excluded.provider"
            " WHERE source != excluded.source OR provider != excluded.provider",
            [(name, source, provider)],
        )
        (job,) = self._db.run("SELECT id FROM jobs WHERE name = ?", (name,)).fetchone()
        return int(job)

    def save_status(self, job: int, status: JobStatus) -> None:
        """Remembers what the provider said of the job."""
        totals = status.totals
        self._db.write(
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
        self._db.write("UPDATE jobs SET problems = ? WHERE id = ?", [(json.dumps(problems), job)])

    def save_listed(self, job: int, *, rate: float | None = None) -> None:
        """Remembers that the job was listed whole just now, and how fast it came (bytes/s)."""
        self._db.write(
            "UPDATE jobs SET listed = ?, rate = COALESCE(?, rate) WHERE id = ?",
            [(int(time.time()), rate, job)],
        )

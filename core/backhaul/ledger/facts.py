"""Small tables of the ledger: results computed from a job's files, cached, and each host's connections."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from backhaul.ledger.database import Database

_MOST = 10_000  # sanity limit


class Facts:
    """Cached texts by job and name. Each has a checksum; a damaged entry counts as missing.

    FileTable drops them in the same transaction that changes a file.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, job: int, name: str) -> str | None:
        """The cached fact; None if a file of the job has changed since."""
        # As bytes: damaged text may not be UTF-8, which makes sqlite3 raise.
        sql = "SELECT CAST(text AS BLOB) FROM facts WHERE job = ? AND name = ?"
        row = self._db.one(sql, (job, name))
        if row is None or not isinstance(row[0], bytes):
            return None
        kept = row[0].decode("utf-8", "replace")
        text = kept[:-_CHECK]
        return text if kept == _checked(job, name, text) else None

    def keep(self, job: int, name: str, text: str) -> None:
        """Stores a fact; does nothing on a read-only ledger."""
        if not self._db.readonly:
            sql, values = _keep(job, name, text)
            self._db.write(sql, [values])

    def work_out(self, job: int, name: str, work: Callable[[], Any]) -> Any:
        """The fact, decoded from JSON; computed by ``work`` and stored if not cached."""
        known = self.get(job, name)
        if known is not None:
            return json.loads(known)
        if self._db.readonly:
            return work()
        return self._db.note(work, lambda found: _keep(job, name, json.dumps(found)))

    def drop(self, jobs: Iterable[int]) -> None:
        """Drops all facts of some jobs, in the same transaction that changes their files."""
        for job in jobs:
            if job not in self._db.once:
                self._db.once.add(job)
                self._db.write(_DROP, [(job,)])

    def drop_within(self, job: int) -> None:
        """Drops a job's facts within an open transaction."""
        self._db.write_within(_DROP, [(job,)])


def _keep(job: int, name: str, text: str) -> tuple[str, tuple[object, ...]]:
    sql = "REPLACE INTO facts (job, name, text) VALUES (?, ?, ?)"
    return sql, (job, name, _checked(job, name, text))


_DROP = "DELETE FROM facts WHERE job = ?"
_CHECK = 9  # characters


def _checked(job: int, name: str, text: str) -> str:
    return f"{text} {crc32(f'{job} {name} {text}'.encode('utf-8', 'replace')):08x}"


class HostTable:
    """One row per origin."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def connections(self) -> dict[str, int]:
        """The number of connections each host allowed last time."""
        return {
            origin: number
            for origin, number in self._db.all("SELECT origin, connections FROM hosts")
            if isinstance(number, int) and 0 < number <= _MOST
        }

    def save(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Stores the number of connections each host allowed."""
        now = int(time.time())
        self._db.write(
            "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?)",
            [(origin, connections, now) for origin, connections in hosts],
        )

"""What was worked out from all files of a job, kept for as long as none of them changes."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from backhaul.ledger.database import Database


class Facts:
    """Texts by job and name, each with a checksum: a damaged one is as good as none.

    FileTable drops them in the transaction that changes a file.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, job: int, name: str) -> str | None:
        """The fact, if no file of the job has changed since it was kept."""
        # As bytes: a damaged text may not be UTF-8, which SQLite's module would raise.
        sql = "SELECT CAST(text AS BLOB) FROM facts WHERE job = ? AND name = ?"
        row = self._db.one(sql, (job, name))
        if row is None or not isinstance(row[0], bytes):
            return None
        kept = row[0].decode("utf-8", "replace")
        text = kept[:-_CHECK]
        return text if kept == _checked(job, name, text) else None

    def keep(self, job: int, name: str, text: str) -> None:
        """Remembers a fact; who only reads the ledger does not."""
        if not self._db.readonly:
            sql, values = _keep(job, name, text)
            self._db.write(sql, [values])

    def work_out(self, job: int, name: str, work: Callable[[], Any]) -> Any:
        """The fact as JSON gives it; if it is not known, what ``work`` finds in the files, kept."""
        known = self.get(job, name)
        if known is not None:
            return json.loads(known)
        if self._db.readonly:
            return work()
        return self._db.note(work, lambda found: _keep(job, name, json.dumps(found)))

    def drop(self, jobs: Iterable[int]) -> None:
        """Forgets all facts of some jobs: their files change, in the same transaction."""
        for job in jobs:
            if job not in self._db.once:
                self._db.once.add(job)
                self._db.write(_DROP, [(job,)])

    def drop_within(self, job: int) -> None:
        """The same in a transaction that is open."""
        self._db.write_within(_DROP, [(job,)])


def _keep(job: int, name: str, text: str) -> tuple[str, tuple[object, ...]]:
    sql = "REPLACE INTO facts (job, name, text) VALUES (?, ?, ?)"
    return sql, (job, name, _checked(job, name, text))


_DROP = "DELETE FROM facts WHERE job = ?"
_CHECK = 9  # characters


def _checked(job: int, name: str, text: str) -> str:
    return f"{text} {crc32(f'{job} {name} {text}'.encode('utf-8', 'replace')):08x}"

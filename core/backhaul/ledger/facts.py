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
        sql = "SELECT text FROM facts WHERE job = ? AND name = ?"
        row = self._db.one(sql, (job, name))
        if row is None or not isinstance(row[0], str):
            return None
        text = row[0][:-_CHECK]
        return text if row[0] == _checked(job, name, text) else None

    def keep(self, job: int, name: str, text: str) -> None:
        """Remembers a fact; who only reads the ledger does not."""
        if not self._db.readonly:
            self._db.write(
                "REPLACE INTO facts (job, name, text) VALUES (?, ?, ?)",
                [(job, name, _checked(job, name, text))],
            )

    def work_out(self, job: int, name: str, work: Callable[[], Any]) -> Any:
        """The fact as JSON gives it; if it is not known, what ``work`` finds in the files, kept."""
        known = self.get(job, name)
        if known is not None:
            return json.loads(known)
        if not self._db.readonly:
            self._db.begin()  # or a file might change between the look at it and the note
        found = work()
        self.keep(job, name, json.dumps(found))
        return found

    def drop(self, jobs: Iterable[int]) -> None:
        """Forgets all facts of some jobs: their files change."""
        self._db.write("DELETE FROM facts WHERE job = ?", [(job,) for job in jobs])


_CHECK = 9  # characters


def _checked(job: int, name: str, text: str) -> str:
    return f"{text} {crc32(f'{job} {name} {text}'.encode()):08x}"

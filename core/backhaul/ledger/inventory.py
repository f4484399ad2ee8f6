"""What is here of a job as a whole: its files in order, counted, summed up."""

from collections.abc import Iterator

from backhaul.ledger.database import Database
from backhaul.ledger.rows import FILE_COLUMNS, MANIFEST_COLUMNS, FileRow, ManifestRow, file_row
from backhaul.types import SlotState

_DIGESTED = 4096
# A file that is here is known by its hash, any other by its name; the sums stand for the rest.
_DIGEST = (
    "group_concat(state || coalesce(sha256, name)) || '|' || count(*) || '|' ||"
    " total(size) || '|' || total(records) || '|' || total(fetched) || '|' ||"
    " total(start) || '|' || total(\"end\")"
)


class Inventory:
    """Reads the files of whole jobs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def files(self, job: int) -> Iterator[FileRow]:
        """All files of the job, one by one, in order of time; those without a time come first."""
        yield from self._select(job, "ORDER BY start, name")

    def manifest_rows(self, job: int) -> Iterator[ManifestRow]:
        """The same files in the same order, with what a manifest says of them."""
        sql = f"SELECT {MANIFEST_COLUMNS} FROM files WHERE job = ? ORDER BY start, name"
        return map(ManifestRow._make, self._db.run(sql, (job,)))

    def without_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files that cover no period, by name."""
        yield from self._select(job, "AND start IS NULL ORDER BY name")

    def with_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files that cover a period, in order of time."""
        yield from self._select(job, "AND start IS NOT NULL ORDER BY start, name")

    def spans(self, job: int) -> Iterator[tuple[float, float]]:
        """Start and end of the job's files that cover a period, in order of time (unix seconds)."""
        return self._db.run(
            'SELECT start, coalesce("end", 0) FROM files WHERE job = ? AND start IS NOT NULL'
            " ORDER BY start",
            (job,),
        )

    def failed(self, job: int) -> Iterator[FileRow]:
        """The job's files that failed, by name."""
        yield from self._select(job, "AND kind IS NOT NULL ORDER BY name")

    def _select(self, job: int, rest: str) -> Iterator[FileRow]:
        # `rest` is one of the constants above, never a value from outside.
        for row in self._db.run(f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? {rest}", (job,)):
            yield file_row(row)

    def count_states(self, job: int) -> dict[SlotState, int]:
        """How many files are in which state."""
        rows = self._db.run(
            "SELECT state, count(*) FROM files WHERE job = ? GROUP BY state", (job,)
        )
        return {SlotState(state): count for state, count in rows}

    def sums(self, job: int) -> tuple[int, int, int, int]:
        """Verified files that count towards the provider's totals: files, records, bytes; and all records.

        Where some of a job's files have a slot, those without one (lists of doubtful minutes, say)
        do not count.
        """
        files, records, size, slotted, slotted_records, slotted_size = self._db.run(
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
        low, high = self._db.run(
            "SELECT min(id), max(id) FROM files WHERE job = ?", (job,)
        ).fetchone()
        for start in range(low or 0, (high or -1) + 1, _DIGESTED):
            (text,) = self._db.run(
                f"SELECT {_DIGEST} FROM files WHERE id >= ? AND id < ? AND +job = ?",
                (start, start + _DIGESTED, job),
            ).fetchone()
            yield text or ""

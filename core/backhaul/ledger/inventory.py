"""Queries over all files of a job: in order, counted and summed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from backhaul.errors import FailureKind
from backhaul.ledger import sound
from backhaul.ledger.database import Database
from backhaul.ledger.facts import Facts
from backhaul.ledger.fault import UnsoundError
from backhaul.ledger.file_pages import COLUMNS, Page, file_rows, manifest_rows
from backhaul.ledger.rows import (
    ALL_TIME,
    GONE,
    LISTED_SEALED_SQL,
    MANIFEST_COLUMNS,
    OPTIONAL,
    VOLUME,
    FileRow,
    ManifestRow,
    moment,
)
from backhaul.selection import ALL, Selection
from backhaul.types import HERE, Proof, SlotState

Value = TypeVar("Value")
_PAGE = 10_000
_WITHIN = (
    f"FROM files WHERE job = ? AND NOT (flags & {GONE} AND start IS NOT NULL"
    ' AND ("end" <= ? OR start >= ?))'
)


class Summary(NamedTuple):
    """Totals over a job's files.

    Attributes:
        states: number of files by state.
        data: the same without auxiliary files: if some of the job's files have a slot, verified
            files without one (lists of suspect minutes, for example) are auxiliary.
        files, records, bytes: of the verified files that count towards the provider's totals;
            excludes auxiliary files and files no longer listed.
        all_records: records of all verified files.
    """

    states: dict[SlotState, int]
    data: dict[SlotState, int]
    files: int
    records: int
    bytes: int
    all_records: int


class Listed(NamedTuple):
    """Contents of the last listing.

    Attributes:
        files: number of files that count towards the provider's totals, see ``Summary``.
        undated: number of required files without a period; optional ones are auxiliary.
        example: name of an undated file.
    """

    files: int
    undated: int
    example: str


class Outcome(NamedTuple):
    """The outcome of a file with a period.

    Attributes:
        id: its row id.
        start, end: its period in Unix seconds.
        absent: it is missing, or not believed to be.
        existed: it was verified at some time.
        series: the value in its metadata under the requested key.
    """

    id: int
    start: int
    end: int
    absent: bool
    existed: bool
    series: str


class Inventory:
    """Reads all files of a job."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts

    def files(self, job: int) -> Iterator[FileRow]:
        """All files of the job in order of time; those without a period come first."""
        return self._select(job, "ORDER BY start, name")

    def manifest_rows(self, job: int) -> Iterator[ManifestRow]:
        """The same files in the same order, as manifest rows."""
        sql = f"SELECT {MANIFEST_COLUMNS} FROM files WHERE job = ? ORDER BY start, name"
        return self._by_page(manifest_rows, sql, (job,))

    def without_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files without a period, by name."""
        return self._select(job, "AND start IS NULL ORDER BY name")

    def with_slot(self, job: int) -> Iterator[FileRow]:
        """The job's files with a period, in order of time."""
        return self._select(job, "AND start IS NOT NULL ORDER BY start, name")

    def in_brief(self, job: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The same files, many at a time: id, name, state, start, end, size, flags, message, keyed, kind, stored.

        None of it is checked: callers that find anything odd read the row with ``by_ids``. ``keyed``: the
        name certainly matches its key and, unless the file is verified, its checksum. ``stored``: the
        file was verified at some time.
        """
        sql = (
            'SELECT id, name, state, start, "end", size, flags, message,'
            " lower(name) = key AND CASE WHEN state = 'verified' THEN 1"
            f" ELSE listed_seal = seal_of({LISTED_SEALED_SQL}) END,"
            " kind, coalesce(size, sha256, records, fetched, proof) IS NOT NULL FROM files"
            " WHERE job = ? AND start IS NOT NULL ORDER BY start, name"
        )
        return self._db.pages(sql, (job,))

    def spans(self, job: int) -> Iterator[tuple[float, float]]:
        """Start and end (Unix seconds) of the job's files with a period, in order of time."""
        sql = (
            'SELECT start, coalesce("end", 0) FROM files WHERE job = ? AND start IS NOT NULL'
            " ORDER BY start"
        )
        for start, end in self._db.rows(sql, (job,)):
            if type(start) is not int or type(end) is not int:
                raise self._db.damaged("invalid period")
            yield start, end

    def failed(self, job: int) -> Iterator[FileRow]:
        """The job's files that failed, by name."""
        return self._select(job, "AND kind IS NOT NULL ORDER BY name")

    def outcomes(self, job: int, series: str) -> Iterator[Outcome]:
        """Outcomes of the job's files with a period, in order of time.

        ``series``: a metadata key; '' for none.
        """
        sql = (
            'SELECT id, start, coalesce("end", start), sha256 IS NULL AND state IN (?, ?), sha256 IS NOT NULL,'
            " coalesce(json_extract(CASE WHEN json_valid(meta) THEN meta END, ?), '') FROM files"
            " WHERE job = ? AND start IS NOT NULL ORDER BY start, name"
        )
        path = f'$."{series}"'
        rows = self._db.rows(sql, (SlotState.MISSING, SlotState.UNKNOWN, path, job))
        for number, start, end, absent, existed, of in rows:
            yield Outcome(number, start, end, bool(absent), bool(existed), str(of))

    def proofs(self, job: int) -> list[tuple[Proof, int]]:
        """The evidence that proves present files to be whole, with the number of files; most first."""
        sql = (
            "SELECT coalesce(proof, 0), count(*) FROM files WHERE job = ? AND size IS NOT NULL"
            " AND state IN ('verified', 'suspect') GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return [(Proof(int(bits)), int(number)) for bits, number in self._db.all(sql, (job,))]

    def refused(self, job: int, message: str) -> Iterator[int]:
        """Ids of files that are missing because the server refused them, or unknown with this message."""
        sql = (
            "SELECT id FROM files WHERE job = ?"
            " AND (state = ? AND kind = ? OR state = ? AND message = ?)"
        )
        missing = (SlotState.MISSING, FailureKind.DENIED)
        for (number,) in self._db.rows(sql, (job, *missing, SlotState.UNKNOWN, message)):
            yield int(number)

    def suspect(self, job: int) -> Iterator[FileRow]:
        """The job's present files that are suspect, by name."""
        yield from self._select(job, "AND state = 'suspect' ORDER BY name")

    def listed_ids(self, job: int) -> Iterator[int]:
        """Ids of all files that the provider has ever listed, in order.

        Read in pages so that files can be written in between: SQLite refuses to upgrade a read
        transaction after others have written.
        """
        sql = (
            f"SELECT id FROM files NOT INDEXED WHERE id > ? AND job = ? AND NOT flags & {VOLUME}"
            " ORDER BY id LIMIT ?"
        )
        last = 0
        while page := self._db.all(sql, (last, job, _PAGE)):
            for (last,) in page:
                yield last

    def by_ids(self, ids: Sequence[int]) -> list[FileRow]:
        """Rows by id."""
        marks = ",".join("?" * len(ids))
        return list(self._files(f"WHERE id IN ({marks})", *ids))

    def _select(self, job: int, rest: str) -> Iterator[FileRow]:
        return self._files(f"WHERE job = ? {rest}", job)

    def _files(self, rest: str, *values: int) -> Iterator[FileRow]:
        # `rest` is one of the constants above, never external input.
        return self._by_page(file_rows, f"SELECT {COLUMNS} FROM files {rest}", values)

    def _by_page(
        self, rows: Callable[[Iterable[Page]], Iterator[Value]], sql: str, values: tuple[int, ...]
    ) -> Iterator[Value]:
        try:
            yield from rows(self._db.pages(sql, values))
        except UnsoundError as error:
            raise self._db.damaged(error) from None

    def summary(
        self, job: int, window: tuple[int, int] = ALL_TIME, selection: Selection = ALL
    ) -> Summary:
        """Totals over the job's files, or over the selected ones.

        Files that are no longer listed and outside the window (Unix seconds) are not counted.
        """
        if selection.is_all:
            rows = self._facts.work_out(
                job,
                "summary" if window == ALL_TIME else f"summary {window[0]} {window[1]}",
                lambda: self._validated(
                    self._db.all(
                        "SELECT state, start IS NOT NULL, count(*), total(records), total(size),"
                        f" flags & {GONE} {_WITHIN} GROUP BY 1, 2, 6",
                        (job, *window),
                    )
                ),
            )
        else:
            rows = self._validated(self._count_selected(job, window, selection))
        states: dict[SlotState, int] = {}
        data: dict[SlotState, int] = {}
        dated = any(row[1] for row in rows)
        for state, has_slot, count, *_ in rows:
            states[SlotState(state)] = states.get(SlotState(state), 0) + count
            if has_slot or not dated or state not in HERE:
                data[SlotState(state)] = data.get(SlotState(state), 0) + count
        here = [row for row in rows if row[0] in HERE]
        listed = [row for row in here if not row[5]]
        counted = [row for row in listed if row[1]] or listed
        return Summary(
            states=states,
            data=data,
            files=sum(row[2] for row in counted),
            records=int(sum(row[3] for row in counted)),
            bytes=int(sum(row[4] for row in counted)),
            all_records=int(sum(row[3] for row in here)),
        )

    def _count_selected(
        self, job: int, window: tuple[int, int], selection: Selection
    ) -> list[tuple[Any, ...]]:
        """The same counts as in SQL, whose GLOB is not ``fnmatch``."""
        sql = (
            "SELECT state, start IS NOT NULL, coalesce(records, 0), coalesce(size, 0),"
            f" flags & {GONE}, name, start {_WITHIN}"
        )
        found: dict[tuple[str, int, int], tuple[int, int, int]] = {}
        for state, dated, records, size, gone, name, start in self._db.rows(sql, (job, *window)):
            if selection.takes(name, moment(start)):
                number, lines, taken = found.get((state, dated, gone), (0, 0, 0))
                found[state, dated, gone] = (number + 1, lines + records, taken + size)
        return [(state, dated, *sums, gone) for (state, dated, gone), sums in found.items()]

    def _validated(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        for state, *numbers in rows:
            if state not in sound.STATES or not all(0 <= each < 1 << 62 for each in numbers):
                raise self._db.damaged(f"invalid file state {state!r}")
        return rows

    def listed(self, job: int) -> Listed:
        """Contents of the job's last listing."""
        dated, undated, beside, example = self._facts.work_out(
            job,
            "listed",
            lambda: self._db.one(
                "SELECT count(start), count(*) - count(start),"
                f" total(start IS NULL AND flags & {OPTIONAL}),"
                f" min(CASE WHEN start IS NULL AND NOT flags & {OPTIONAL} THEN name END)"
                f" FROM files WHERE job = ? AND NOT flags & {GONE}",
                (job,),
            ),
        )
        return Listed(files=dated or undated, undated=undated - int(beside), example=example or "")

    def cells(self, job: int, *, first: int, last: int, step: int) -> tuple[int, int, int]:
        """How the job's files fit a grid of periods (Unix seconds).

        Returns how many files have a period, how many of those start a grid cell and fit in it, and how
        many distinct cells they cover.
        """
        files, within, cells = self._facts.work_out(
            job,
            f"cells {first} {last} {step}",
            lambda: self._db.one(
                "SELECT count(start), count(cell), count(DISTINCT cell) FROM (SELECT start,"
                " CASE WHEN start >= :first AND start < :last AND (start - :first) % :step = 0"
                ' AND "end" > start AND "end" <= start + :step THEN start END AS cell'
                " FROM files WHERE job = :job)",
                {"job": job, "first": first, "last": last, "step": step},
            ),
        )
        return files, within, cells

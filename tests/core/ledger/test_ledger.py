"""The ledger: versions, damage, moves, concurrent use."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests import warm

from backhaul.errors import LockedError
from backhaul.ledger.database import LedgerError, ledger_path
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.rows import LISTED, listed_values
from backhaul.ledger.schema import MIGRATIONS, VERSION
from backhaul.storage.lease import Lease
from backhaul.types import JobState, JobStatus, RemoteFile, SlotState, Totals


def with_file(dest: Path) -> int:
    with Ledger(dest / ".backhaul") as ledger:
        job = ledger.jobs.open("job", source="s", provider="p")
        ledger.files.add(job, [RemoteFile("a.gz", size=3, meta={"day": 1}), RemoteFile("É.gz")])
        ledger.files.save_done(
            [(SlotState.VERIFIED, 3, "ab", 2, '"tag"', None, None, 1, 5, job, "a.gz")]
        )
        ledger.jobs.save_status(job, JobStatus(JobState.READY, totals=Totals(files=2)))
    return job


def test_written_rows_are_read_back(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        here, other = ledger.files.get(job, "a.gz"), ledger.files.get(job, "É.gz")
        assert here is not None
        assert other is not None
        assert (here.state, here.size, here.validator) == (SlotState.VERIFIED, 3, '"tag"')
        assert here.remote() == RemoteFile("a.gz", size=3, meta={"day": 1})
        assert (other.name, other.state) == ("É.gz", SlotState.PENDING)
        row = ledger.jobs.get("job")
        assert row is not None
        assert row.total_files == 2
        here = ledger.inventory.summary(job)
        assert here.states == {SlotState.VERIFIED: 1, SlotState.PENDING: 1}
        assert (here.files, here.records, here.bytes, here.all_records) == (1, 2, 3, 2)


def test_a_moved_folder_keeps_its_ledger(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    job = with_file(tmp_path / "one")
    shutil.move(tmp_path / "one", tmp_path / "two")
    with Ledger(tmp_path / "two" / ".backhaul") as ledger:
        assert len(list(ledger.inventory.files(job))) == 2


def test_a_ledger_from_a_newer_backhaul_is_left_alone(tmp_path: Path) -> None:
    with_file(tmp_path)
    with closing(sqlite3.connect(ledger_path(tmp_path / ".backhaul"))) as db:
        db.execute("ALTER TABLE files ADD COLUMN colour TEXT")
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LedgerError, match="newer backhaul"):
        Ledger(tmp_path / ".backhaul")


@pytest.mark.parametrize(
    "damage", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_ledger_says_how_to_fix_it(tmp_path: Path, damage: bytes) -> None:
    path = ledger_path(tmp_path / ".backhaul")
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(LedgerError, match="--rebuild"):
        Ledger(tmp_path / ".backhaul")


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    ledger_path(tmp_path / ".backhaul").parent.mkdir()
    ledger_path(tmp_path / ".backhaul").touch()
    assert with_file(tmp_path) == 1


OPENING = """
import sys
from pathlib import Path
from backhaul.ledger.ledger import Ledger
with Ledger(Path(sys.argv[1]) / ".backhaul") as ledger:
    ledger.jobs.open(sys.argv[2], source="s", provider="p")
"""


def test_several_runs_can_create_the_same_ledger_at_once(tmp_path: Path) -> None:
    processes = [
        warm.Popen([sys.executable, "-c", OPENING, tmp_path, f"job{number}"]) for number in range(4)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert all(ledger.jobs.get(f"job{number}") for number in range(4))


def test_a_lease_has_one_holder_and_says_who(tmp_path: Path) -> None:
    first = Lease(tmp_path / ".backhaul", "job")
    with pytest.raises(LockedError, match=f"process {os.getpid()} on .* since 20"):
        Lease(tmp_path / ".backhaul", "job")
    Lease(tmp_path / ".backhaul", "another").release()
    first.release()
    Lease(tmp_path / ".backhaul", "job").release()


@pytest.mark.parametrize(
    "asked",
    [
        ["b"],
        ["a", "b", "c"],
        ["c", "a"],
        ["a", "z0"],  # with many other rows between them
        ["z3", "nobody", "a"],
        ["nobody", "no one"],
        [],
    ],
)
def test_all_known_files_among_those_requested_are_found(tmp_path: Path, asked: list[str]) -> None:
    there = ["a", "b", "c", *(f"m{number}" for number in range(50)), "z0", "z3"]
    with Ledger(tmp_path / ".backhaul") as ledger:
        other = ledger.jobs.open("other", source="s", provider="p")
        ledger.files.add(other, [RemoteFile("nobody")])
        job = ledger.jobs.open("job", source="s", provider="p")
        ledger.files.add(job, [RemoteFile(name, records=len(name)) for name in reversed(there)])
        found = ledger.files.known(job, asked)
        assert sorted(found) == sorted(set(asked) & set(there))
        for name, row in found.items():
            assert (row.key, row.name, row.state) == (name, name, "pending")
            assert row[LISTED:] == listed_values(RemoteFile(name, records=len(name)))


CHANGES: dict[str, Callable[[Ledger, int], object]] = {
    "add": lambda ledger, job: ledger.files.add(job, [RemoteFile("new")]),
    "renew": lambda ledger, job: ledger.files.renew(job, [(1, RemoteFile("a.gz", size=4))]),
    "save_done": lambda ledger, job: ledger.files.save_done(
        [(SlotState.VERIFIED, 4, "cd", 2, None, None, None, 1, 5, job, "é.gz")]
    ),
    "save_failed": lambda ledger, job: ledger.files.save_failed(
        job, "a.gz", state=SlotState.CORRUPT, kind="corrupt", message="flipped"
    ),
    "save_expired": lambda ledger, job: ledger.files.save_expired(job, "gone"),
    "reset": lambda ledger, job: ledger.files.reset(job, ["a.gz"]),
    "forget": lambda ledger, job: ledger.files.forget(job, [1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_results_computed_from_a_jobs_files_are_dropped_when_one_changes(
    tmp_path: Path, change: str
) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        other = ledger.jobs.open("other", source="s", provider="p")
        for number in (job, other):
            ledger.facts.keep(number, "summary", "[]")
        ledger.commit()
        CHANGES[change](ledger, job)
        assert ledger.facts.get(job, "summary") is None
        assert ledger.facts.get(other, "summary") == "[]"


@pytest.mark.parametrize("change", sorted(CHANGES.keys() - {"add"}))
def test_a_changed_file_drops_cached_results_in_the_same_transaction(
    tmp_path: Path, change: str
) -> None:
    job = with_file(tmp_path)
    with (
        Ledger(tmp_path / ".backhaul") as ledger,
        Ledger(tmp_path / ".backhaul", readonly=True) as other,
    ):
        ledger.facts.keep(job, "summary", "[]")
        ledger.commit()
        before = [*other.inventory.files(job)]
        CHANGES[change](ledger, job)
        assert other.facts.get(job, "summary") == "[]"
        assert [*other.inventory.files(job)] == before
        ledger.commit()
        assert other.facts.get(job, "summary") is None
        assert [*other.inventory.files(job)] != before


def test_a_stored_summary_is_reused_until_a_file_changes(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        first = ledger.inventory.summary(job)
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.facts.get(job, "summary") is not None
        assert ledger.inventory.summary(job) == first
        ledger.files.reset(job, ["a.gz"])
        assert ledger.inventory.summary(job).states == {SlotState.PENDING: 2}


def test_results_computed_while_a_file_changed_are_not_kept(tmp_path: Path) -> None:
    job = with_file(tmp_path)

    def change() -> str:
        with (
            closing(sqlite3.connect(ledger_path(tmp_path / ".backhaul"), timeout=0)) as other,
            other,
        ):
            other.execute("UPDATE files SET size = 9")
        return "counted"

    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.facts.work_out(job, "some", change) == "counted"
        assert ledger.facts.get(job, "some") is None
        assert ledger.facts.work_out(job, "some", lambda: "counted again") == "counted again"
        assert ledger.facts.work_out(job, "some", lambda: "not looked at") == "counted again"


def test_a_read_only_ledger_stores_no_summary(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul", readonly=True) as ledger:
        ledger.inventory.summary(job)
        assert ledger.facts.get(job, "summary") is None


@pytest.mark.parametrize("there", [True, False])
def test_a_reader_can_be_closed_by_any_thread(tmp_path: Path, *, there: bool) -> None:
    if there:
        with_file(tmp_path)
    ledger = Ledger(tmp_path / ".backhaul", readonly=True)
    with ThreadPoolExecutor(1) as other:
        other.submit(ledger.close).result()


def test_a_ledger_of_the_first_version_is_upgraded(tmp_path: Path) -> None:
    path = ledger_path(tmp_path / ".backhaul")
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO jobs (name, source, provider) VALUES ('job', 's', 'p')")
        db.execute(
            "INSERT INTO files (job, key, name, state, content, size)"
            " VALUES (1, 'a', 'a', 'verified', 'gz', 5)"
        )
        db.commit()
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.inventory.summary(1).bytes == 5
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.facts.get(1, "summary") is not None


def test_a_new_ledger_has_the_tables_that_the_migrations_lead_to(tmp_path: Path) -> None:
    Ledger(tmp_path / "new").close()
    old = ledger_path(tmp_path / "old")
    old.parent.mkdir()
    with closing(sqlite3.connect(old)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version = 1")
    Ledger(tmp_path / "old").close()

    created = []
    for path in (old, ledger_path(tmp_path / "new")):
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
            created.append(db.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
    assert created[0] == created[1]


ORPHANS = {
    "files": "INSERT INTO files (job, key, name, state, content) VALUES (?, 'x', 'x', 'pending', '')",
    "streams": "INSERT INTO streams (job, name) VALUES (?, 'x')",
    "facts": "INSERT INTO facts (job, name, text) VALUES (?, 'x', '{}')",
}


@pytest.mark.parametrize("job", [0, 2, 9, "text"])
@pytest.mark.parametrize("table", ORPHANS)
def test_a_row_of_a_missing_job_is_damage(table: str, job: int | str, tmp_path: Path) -> None:
    inspected(tmp_path / ".backhaul").close()
    with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        others = [ledger.jobs.open(name, source="s", provider="p") for name in ("b", "c")]
        ledger.jobs.open("d", source="s", provider="p")
    with closing(sqlite3.connect(ledger_path(tmp_path / ".backhaul"))) as db, db:
        db.execute("DELETE FROM jobs WHERE id = ?", (others[0],))
        db.execute(ORPHANS[table], (others[1],))
    inspected(tmp_path / ".backhaul").close()
    with closing(sqlite3.connect(ledger_path(tmp_path / ".backhaul"))) as db, db:
        db.execute(ORPHANS[table], (job,))

    with pytest.raises(LedgerError, match=f"a row of {table} refers to a missing job"):
        inspected(tmp_path / ".backhaul")


@pytest.mark.parametrize("number", [0, 1, 63, 64, 65, 128, 200])
def test_any_number_of_files_is_added_in_order(tmp_path: Path, number: int) -> None:
    listed = [RemoteFile(f"{place:03}.gz", size=place, optional=True) for place in range(number)]
    with Ledger(tmp_path) as ledger:
        job = ledger.jobs.open("job", source="s", provider="p")
        ids = ledger.files.add(job, listed)
        rows = list(ledger.inventory.files(job))
    assert [(row.id, row.name, row.listed_size) for row in rows] == [
        (number, file.name, file.size) for number, file in zip(ids, listed, strict=True)
    ]
    assert all(row.optional for row in rows)

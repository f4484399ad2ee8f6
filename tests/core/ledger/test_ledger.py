"""The ledger: versions, damage, moves, concurrent use."""

import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

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


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
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


def test_a_ledger_of_a_newer_backhaul_is_left_alone(tmp_path: Path) -> None:
    with_file(tmp_path)
    with closing(sqlite3.connect(ledger_path(tmp_path / ".backhaul"))) as db:
        db.execute("ALTER TABLE files ADD COLUMN colour TEXT")
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LedgerError, match="newer backhaul"):
        Ledger(tmp_path / ".backhaul")


@pytest.mark.parametrize(
    "damage", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_ledger_says_how_to_mend_it(tmp_path: Path, damage: bytes) -> None:
    path = ledger_path(tmp_path / ".backhaul")
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(LedgerError, match="--rebuild"):
        Ledger(tmp_path / ".backhaul")


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    ledger_path(tmp_path / ".backhaul").parent.mkdir()
    ledger_path(tmp_path / ".backhaul").touch()
    assert with_file(tmp_path) == 1


def _open(dest: Path, name: str) -> None:
    with Ledger(dest / ".backhaul") as ledger:
        ledger.jobs.open(name, source="s", provider="p")


def test_several_runs_may_make_the_same_new_ledger_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_open, args=(tmp_path, f"job{number}")) for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
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
def test_of_the_files_asked_for_all_that_are_known_are_found(
    tmp_path: Path, asked: list[str]
) -> None:
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
def test_what_was_worked_out_from_a_jobs_files_is_dropped_when_one_changes(
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
def test_a_file_changes_and_what_was_worked_out_goes_at_the_same_moment(
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


def test_a_jobs_numbers_are_the_same_from_memory_and_after_a_change(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        first = ledger.inventory.summary(job)
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.facts.get(job, "summary") is not None
        assert ledger.inventory.summary(job) == first
        ledger.files.reset(job, ["a.gz"])
        assert ledger.inventory.summary(job).states == {SlotState.PENDING: 2}


def test_what_was_worked_out_while_a_file_changed_is_not_kept(tmp_path: Path) -> None:
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


def test_who_only_reads_keeps_nothing(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul", readonly=True) as ledger:
        ledger.inventory.summary(job)
        assert ledger.facts.get(job, "summary") is None


@pytest.mark.parametrize("there", [True, False])
def test_who_only_reads_may_be_let_go_of_by_any_thread(tmp_path: Path, *, there: bool) -> None:
    if there:
        with_file(tmp_path)
    ledger = Ledger(tmp_path / ".backhaul", readonly=True)
    with ThreadPoolExecutor(1) as other:
        other.submit(ledger.close).result()


def test_a_ledger_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
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

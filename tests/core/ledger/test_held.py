"""The ledger is locked only during a write, and waits for other lock holders."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests import warm
from tests.core.ledger.test_ledger import CHANGES, with_file

from backhaul import RemoteFile
from backhaul.errors import LockedError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.waiting import HeldError, Waiting
from backhaul.types import JobState, JobStatus, SlotState


@contextmanager
def held(dest: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Another connection holds the lock."""
    path = ledger_path(dest / ".backhaul")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


@contextmanager
def held_by_a_process(dest: Path) -> Iterator[int]:
    """Another process holds the lock; yields its process id."""
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(ledger_path(dest / ".backhaul"))]
    pipe = subprocess.PIPE
    with warm.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.parametrize("change", CHANGES)
def test_others_can_write_while_rows_are_buffered(tmp_path: Path, change: str) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        ledger.jobs.save_status(job, JobStatus(JobState.READY))
        CHANGES[change](ledger, job)
        with held(tmp_path):
            pass


def test_buffered_changes_are_visible_to_their_writer(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger:
        ledger.jobs.save_doubt(job, "why")
        ledger.files.reset(job, ["a.gz"])
        row = ledger.jobs.get("job")
        assert row is not None
        assert row.doubt == "why"
        assert ledger.inventory.summary(job).states == {SlotState.PENDING: 2}


def test_without_waiting_a_held_ledger_is_an_error_and_no_change_is_lost(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul", waiting=Waiting(at_once=True)) as ledger:
        ledger.files.reset(job, ["a.gz"])
        with held(tmp_path):
            assert not ledger.try_commit()
            with pytest.raises(HeldError):
                ledger.files.add(job, [RemoteFile("new")])
            with pytest.raises(HeldError):
                ledger.inventory.summary(job)
        assert ledger.inventory.summary(job).states == {SlotState.PENDING: 2}
        ledger.files.add(job, [RemoteFile("new")])


def test_the_total_wait_for_a_held_ledger_is_limited(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    waiting = Waiting(0.2, at_once=True)
    with Ledger(tmp_path / ".backhaul", waiting=waiting) as ledger:
        with held(tmp_path):
            with pytest.raises(HeldError):
                ledger.files.add(job, [RemoteFile("new")])
            time.sleep(0.2)
            assert ledger.jobs.get("job") is not None  # a successful read does not reset the wait
            with pytest.raises(LockedError) as caught:
                ledger.files.add(job, [RemoteFile("other")])
            assert not isinstance(caught.value, HeldError)
            with pytest.raises(LockedError) as caught:
                inspected(tmp_path / ".backhaul", waiting=waiting)
            assert not isinstance(caught.value, HeldError)
        ledger.files.add(job, [RemoteFile("new")])
        with held(tmp_path), pytest.raises(HeldError):
            ledger.files.add(job, [RemoteFile("other")])


def test_the_process_that_holds_the_ledger_is_named(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with (
        Ledger(tmp_path / ".backhaul", waiting=Waiting(0.0)) as ledger,
        held_by_a_process(tmp_path) as number,
    ):
        with pytest.raises(LockedError) as caught:
            ledger.files.add(job, [RemoteFile("new")])
        assert str(ledger_path(tmp_path / ".backhaul")) in caught.value.message
        if Path("/proc/locks").exists():
            assert f"process {number}" in caught.value.message


def test_read_only_commands_report_it_too(tmp_path: Path) -> None:
    with_file(tmp_path)
    path = ledger_path(tmp_path / ".backhaul")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError):
            Ledger(tmp_path / ".backhaul", readonly=True, waiting=Waiting(0.0))
        other.execute("ROLLBACK")


def test_two_runs_that_write_to_the_same_job_keep_each_others_changes(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger, Ledger(tmp_path / ".backhaul") as other:
        ledger.jobs.save_doubt(job, "why")
        other.jobs.save_problems(job, [("failed", "what")])
        other.commit()
        ledger.commit()
        row = ledger.jobs.get("job")
        assert row is not None
        assert row.doubt == "why"
        assert [text for _, text in row.problem_texts()] == ["what"]


def test_two_runs_that_add_files_give_each_a_unique_number(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul") as ledger, Ledger(tmp_path / ".backhaul") as other:
        first = ledger.files.add(job, [RemoteFile("one"), RemoteFile("two")])
        second = other.files.add(job, [RemoteFile("three")])
        third = ledger.files.add(job, [RemoteFile("four")])
        assert len({*first, *second, *third}) == 4


def test_our_own_process_is_not_named_as_the_holder(tmp_path: Path) -> None:
    job = with_file(tmp_path)
    with Ledger(tmp_path / ".backhaul", waiting=Waiting(0.0)) as ledger, held(tmp_path):
        with pytest.raises(LockedError) as caught:
            ledger.files.add(job, [RemoteFile("new")])
        assert str(os.getpid()) not in caught.value.message.removeprefix(str(tmp_path))


def test_opening_a_ledger_again_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    path = ledger_path(tmp_path)
    program = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA user_version').fetchone(); db.close()"
    with Ledger(tmp_path):
        Ledger(tmp_path).close()
        subprocess.run([sys.executable, "-c", program, str(path)], check=True)
        # The last connection removes it.
        assert path.with_name(f"{path.name}-wal").exists()

"""Large numbers of rows: each is checked, none is kept in memory."""

import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.usual import usual

import backhaul
from backhaul.archive.gaps import gap_ranges
from backhaul.archive.jobs import known_jobs
from backhaul.ledger.database import LedgerError, ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.types import JobState, JobStatus, RemoteFile, Slots, SlotState

START = datetime(2014, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ODD = ("É.gz", "a..b.gz", "it's.gz", 'quoted "x".gz', "Upper.gz", "tab\there.gz", "\u2028.gz")


def files(number: int) -> Iterator[RemoteFile]:
    for place in range(number):
        start = START + place * MINUTE
        yield RemoteFile(
            f"{start:%Y/%m/%d/%H%M}.json.gz",
            start=start,
            end=start + MINUTE,
            size=100,
            records=3,
            checksum=f"md5:{'ab' * 16}",
            version="v1",
            content="jsonl.gz",
            footer_lines=1,
            meta={"place": place},
        )


def fill(dest: Path, listed: list[RemoteFile], *, here: bool = True) -> int:
    with Ledger(dest) as ledger:
        job = ledger.jobs.open("job", source="s", provider="http-series")
        slots = (Slots(START, START + len(listed) * MINUTE, every=MINUTE),)
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=slots))
        ledger.files.add(job, listed)
        for file in listed if here else ():
            ledger.files.save_done([
                (SlotState.VERIFIED, 100, "ab", 3, '"tag"', "http://h", None, 1, 5, job,
                 file.name.casefold()),
            ])  # fmt: skip
        ledger.jobs.save_listed(job)
    return job


@pytest.mark.parametrize(
    ("column", "value"),
    usual(
        [
            ("name", "2014/01/01/0702.json.gz"),
            ("start", 1),
            ('"end"', 2_000_000_000),
            ("content", "jsonl"),
            ("footer_lines", 0),
            ("listed_size", 101),
            ("listed_records", 4),
            ("checksum", "md5:00"),
            ("version", "v2"),
            ("flags", 1),
            ("meta", '{"place": 9}'),
            ("meta", "[]"),
            ("size", 101),
            ("size", b"100"),
            ("size", None),
            ("sha256", "ac"),
            ("records", 4),
            ("validator", None),
            ("origin", "http://g"),
            ("fetched", 2),
            ("fetched", 1 << 60),
            ("proof", 7),
            ("state", "verify"),
            ("kind", "nothing"),
        ],
        "name",
        "size",
        "flags",
        "proof",
    ),
)
def test_a_damaged_row_is_found_among_many(tmp_path: Path, column: str, value: object) -> None:
    job = fill(tmp_path, list(files(1500)))
    damaged = "2014/01/01/1701.json.gz"
    with closing(sqlite3.connect(ledger_path(tmp_path))) as db:
        changed = db.execute(f"UPDATE files SET {column} = ? WHERE name = ?", (value, damaged))
        assert changed.rowcount == 1
        db.commit()
    with (
        Ledger(tmp_path, readonly=True) as ledger,
        pytest.raises(LedgerError, match=r"in the row of '2014/01/01/(1701|0702)\.json\.gz'"),
    ):
        list(ledger.inventory.with_slot(job))


@pytest.mark.parametrize(
    ("column", "value"),
    usual(
        [
            ("name", "2014/01/01/0702.json.gz"),
            ("start", 1 << 60),
            ("content", "jsonlines"),
            ("size", 101),
            ("size", b"100"),
            ("sha256", "ac"),
            ("records", 4),
            ("validator", None),
            ("origin", "http://g"),
            ("fetched", 2),
            ("proof", 7),
            ("state", "verify"),
        ],
        "name",
        "size",
        "state",
    ),
)
def test_a_damaged_row_never_gets_into_a_manifest(
    tmp_path: Path, column: str, value: object
) -> None:
    job = fill(tmp_path, list(files(1500)))
    with Ledger(tmp_path, readonly=True) as ledger:
        assert len(list(ledger.inventory.manifest_rows(job))) == 1500
    with closing(sqlite3.connect(ledger_path(tmp_path))) as db:
        damaged = (value, "2014/01/01/1701.json.gz")
        db.execute(f"UPDATE files SET {column} = ? WHERE name = ?", damaged)
        db.commit()
    with (
        Ledger(tmp_path, readonly=True) as ledger,
        pytest.raises(LedgerError, match=r"in the row of '2014/01/01/(1701|0702)\.json\.gz'"),
    ):
        list(ledger.inventory.manifest_rows(job))


@pytest.mark.parametrize("names", [ODD, ["a", "b", "c"]])
def test_rows_of_older_versions_and_odd_names_are_read(tmp_path: Path, names: list[str]) -> None:
    listed = [RemoteFile(name) for name in names]
    job = fill(tmp_path, listed)
    with closing(sqlite3.connect(ledger_path(tmp_path))) as db:
        db.execute("UPDATE files SET seal = NULL, listed_seal = NULL WHERE id % 2")
        db.commit()
    with Ledger(tmp_path, readonly=True) as ledger:
        rows = list(ledger.inventory.files(job))
        listed_rows = list(ledger.inventory.manifest_rows(job))
    assert [row.name for row in listed_rows] == [row.name for row in rows]
    assert sorted(row.name for row in rows) == sorted(names)
    assert {(row.state, row.size) for row in rows} == {(SlotState.VERIFIED, 100)}
    assert all(type(row.state) is SlotState for row in rows)


def peak(dest: Path, number: int) -> int:
    """Peak memory, in bytes, of iterating over the gaps of this many files."""
    fill(dest / ".backhaul", list(files(number)), here=False)
    archive = backhaul.load({
        "version": 1,
        "settings": {"dest": str(dest)},
        "sources": {"s": {"provider": "http-series", "url": "http://127.0.0.1:1/{start:%Y-%m-%d-%H%M}", "every": "1m"}},
        "jobs": {"job": {"source": "s", "from": "2014-01-01", "to": "2014-02-01"}},
    })  # fmt: skip
    for known in known_jobs(archive.configs):
        tracemalloc.start()
        assert sum(gap.slots for gap in gap_ranges(known)) == number
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return found


@pytest.mark.matrix
def test_iterating_over_gaps_does_not_keep_rows_in_memory(tmp_path: Path) -> None:
    few, many = peak(tmp_path / "few", 3_000), peak(tmp_path / "many", 12_000)
    assert many < few + 200_000

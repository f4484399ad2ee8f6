"""Gaps read most files in brief, and find the same as when each file is read in full."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.usual import usual

import backhaul
from backhaul import Gap, JobState, JobStatus, RemoteFile, Selection, Slots, SlotState
from backhaul.archive.coverage import job_slots, job_states
from backhaul.archive.gaps import gap_ranges
from backhaul.archive.jobs import known_jobs
from backhaul.archive.slot_views import SlotView
from backhaul.archive.upcoming import InBrief
from backhaul.errors import BackhaulError
from backhaul.ledger.inventory import Inventory
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import CHANGED, GONE, JobRow
from backhaul.storage.folder import JobFolder

_FIRST = datetime(2012, 1, 1, tzinfo=UTC)
_BODY = b"0123456789"


def _at(minutes: float) -> datetime:
    return _FIRST + timedelta(minutes=minutes)


@st.composite
def _runs(draw: st.DrawFn) -> Slots:
    start = draw(st.integers(0, 40))
    every = draw(st.none() | st.integers(1, 6) | st.just(0.005))
    length = draw(st.integers(0, 60)) if every != 0.005 else 1
    return Slots(
        _at(start),
        _at(start + length),
        every=timedelta(minutes=every) if every else None,
        state=draw(st.sampled_from((None, None, None, SlotState.SILENT))),
        records=draw(st.sampled_from((None, 5))),
    )


# A file's final state, and its size on disk.
_FATES = st.sampled_from(
    [
        *[("verified", len(_BODY))] * 12,
        ("verified", None),
        ("verified", 3),
        ("suspect", len(_BODY)),
        *[("missing", None)] * 4,
        ("pending", None),
        ("changed", len(_BODY)),
        ("gone", len(_BODY)),
    ]
)
_GRID = st.tuples(st.integers(0, 30), st.integers(1, 3), st.integers(5, 40))


@st.composite
def _files(draw: st.DrawFn) -> list[tuple[RemoteFile, str, int | None]]:
    """Consecutive files, some of them odd."""
    first, step, number = draw(_GRID)
    spans = [(first + n * step, step) for n in range(number)]
    spans += draw(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9)), max_size=4))
    most = draw(_FATES) if draw(st.booleans()) else None
    fates = draw(st.lists(_FATES, min_size=len(spans), max_size=len(spans)))
    if most is not None:
        fates[: draw(st.integers(number - 3, len(spans)))] = [most] * len(spans)
        fates = fates[: len(spans)]
    return [
        (RemoteFile(f"{n:03d}", start=_at(start), end=_at(start + length), optional=True), *fate)
        for n, ((start, length), fate) in enumerate(zip(spans, fates, strict=True))
    ]


def _fill(folder: Path, runs: list[Slots], files: list[tuple[RemoteFile, str, int | None]]) -> None:
    (folder / "j").mkdir()
    with Ledger(folder / ".backhaul") as ledger:
        job = ledger.jobs.open("j", source="s", provider="http-index")
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=tuple(runs)))
        ledger.files.add(job, [file for file, *_ in files])
        for file, fate, size in files:
            state = fate if fate in {"verified", "suspect"} else "verified"
            if fate == "missing":
                ledger.files.save_failed(
                    job, file.name, state=SlotState.MISSING, kind="not_found", message="HTTP 404"
                )
            elif fate != "pending":
                row = (state, len(_BODY), "0" * 64, 1, None, None, None, 1, 4, job, file.name)
                ledger.files.save_done([row])
            if size is not None:
                (folder / "j" / file.name).write_bytes(_BODY[:size])
        ledger.jobs.save_listed(job)
    with closing(sqlite3.connect(folder / ".backhaul" / "ledger.sqlite")) as db:
        for flag, word in ((CHANGED, "changed"), (GONE, "gone")):
            names = [(flag, file.name) for file, fate, _ in files if fate == word]
            db.executemany("UPDATE files SET flags = flags | ? WHERE name = ?", names)
        db.commit()


def _shown(views: Iterator[SlotView]) -> list[tuple[Any, ...]]:
    return [
        (
            view.start,
            view.end,
            view.state,
            [(row.name, state, why) for row, state, why in view.found if state != "verified"]
            + [(name, view.state, view.reason) for name in view.names],
            view.reason if view.state is not SlotState.VERIFIED else "",
        )
        for view in views
    ]


def _one_by_one(views: Iterator[SlotView]) -> Iterator[SlotView]:
    for view in views:
        for number, slot in enumerate(view.each()):
            yield replace(slot, names=view.names[number : number + 1])


def _job(ledger: Ledger) -> JobRow:
    row = ledger.jobs.get("j")
    assert row is not None
    return row


@given(runs=st.lists(_runs(), max_size=3), files=_files())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_ranges_have_the_same_slots_in_the_same_states(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[Slots],
    files: list[tuple[RemoteFile, str, int | None]],
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    _fill(folder, runs, files)
    here = JobFolder(folder / "j")
    with Ledger(folder / ".backhaul", readonly=True) as ledger, closing(here):
        row = _job(ledger)
        assert _shown(_one_by_one(job_states(ledger, row, here))) == _shown(
            job_slots(ledger, row, here)
        )


def _long(folder: Path, number: int) -> None:
    files = [
        (RemoteFile(f"{n:05d}", start=_at(n), end=_at(n + 1)), "verified", len(_BODY))
        for n in range(number)
    ]
    runs = [Slots(_at(0), _at(number), every=timedelta(minutes=1))]
    _fill(folder, runs, files)


def test_consecutive_present_files_form_ranges_across_pages_of_rows(tmp_path: Path) -> None:
    _long(tmp_path, 3000)
    (tmp_path / "j" / "02500").unlink()
    here = JobFolder(tmp_path / "j")
    with Ledger(tmp_path / ".backhaul", readonly=True) as ledger, closing(here):
        views = list(job_states(ledger, _job(ledger), here))
    assert len(views) < 12
    assert sum(view.slots for view in views) == 3000
    assert [view.found[0].row.name for view in views if view.found] == ["02500"]


@pytest.mark.parametrize(
    ("column", "value"),
    usual([("name", "elsewhere"), ("start", 7), ("start", "text"), ('"end"', 8), ("size", 11),
     ("size", b"10"), ("size", None), ("state", "verify"), ("flags", "x")], "name", "size"),
)  # fmt: skip
def test_damage_to_quickly_read_columns_is_found(
    tmp_path: Path, column: str, value: object
) -> None:
    _long(tmp_path, 1500)
    with closing(sqlite3.connect(tmp_path / ".backhaul" / "ledger.sqlite")) as db:
        db.execute(f"UPDATE files SET {column} = ? WHERE name = '00700'", (value,))
        db.commit()
    here = JobFolder(tmp_path / "j")
    with Ledger(tmp_path / ".backhaul", readonly=True) as ledger, closing(here):
        row = _job(ledger)
        with pytest.raises(BackhaulError, match="damaged"):
            list(job_states(ledger, row, here))


_YAML: dict[str, Any] = {
    "version": 1,
    "sources": {"s": {"provider": "http-index", "url": "http://127.0.0.1:1/"}},
    "jobs": {"j": {"source": "s"}},
}


def _archive(folder: Path) -> backhaul.Archive:
    return backhaul.load(_YAML | {"settings": {"dest": str(folder)}})


def _ranges(folder: Path) -> list[Gap]:
    return [gap for known in known_jobs(_archive(folder).configs) for gap in gap_ranges(known)]


def _by_slot(folder: Path, since: datetime) -> list[tuple[Any, ...]]:
    """The gaps of slots that are read one by one."""
    here = JobFolder(folder / "j")
    with Ledger(folder / ".backhaul", readonly=True) as ledger, closing(here):
        found: list[tuple[Any, ...]] = []
        for slot in job_slots(ledger, _job(ledger), here):
            if slot.state is SlotState.VERIFIED or (slot.start is not None and slot.start < since):
                continue
            short = [each for each in slot.found if each.state is not SlotState.VERIFIED]
            found += [
                (slot.start, slot.end, each.state, each.row.name, each.reason) for each in short
            ]
            if not short:
                found.append((slot.start, slot.end, slot.state, None, slot.reason))
        return found


def _of(gap: Gap) -> tuple[Any, ...]:
    return gap.start, gap.end, gap.state, gap.file, gap.reason


@given(runs=st.lists(_runs(), min_size=1, max_size=2), files=_files(), minute=st.integers(0, 50))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.matrix
def test_the_same_gaps_of_absent_files(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[Slots],
    files: list[tuple[RemoteFile, str, int | None]],
    minute: int,
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    _fill(folder, runs, files)
    archive = _archive(folder)

    assert list(map(_of, archive.gaps())) == _by_slot(folder, _at(0))
    part = archive.gaps(selection=Selection(since=_at(minute)))
    assert list(map(_of, part)) == _by_slot(folder, _at(minute))


def _long_and_missing(folder: Path, number: int) -> None:
    files = [
        (RemoteFile(f"{n:05d}", start=_at(n), end=_at(n + 1)), "missing", None)
        for n in range(number)
    ]
    _fill(folder, [Slots(_at(0), _at(number), every=timedelta(minutes=1))], files)


def test_missing_files_are_ranges_over_pages_of_rows(tmp_path: Path) -> None:
    _long_and_missing(tmp_path, 3000)

    gaps = _ranges(tmp_path)

    assert len(gaps) < 12
    assert [name for gap in gaps for name in gap.names] == [f"{n:05d}" for n in range(3000)]
    assert {(gap.state, gap.reason) for gap in gaps} == {("missing", "HTTP 404")}


@pytest.mark.parametrize("odd", [(20.5, 21), (20, 20.5), (19.5, 21), (20, 22), (19.2, 19.7)])
def test_a_missing_file_that_does_not_cover_its_slot_is_not_part_of_a_range(
    tmp_path: Path, odd: tuple[float, float]
) -> None:
    spans = [(n, n + 1) for n in range(40) if n != 20] + [odd]
    files = [
        (RemoteFile(f"{start}", start=_at(start), end=_at(end)), "missing", None)
        for start, end in spans
    ]
    _fill(tmp_path, [Slots(_at(0), _at(40), every=timedelta(minutes=1))], files)
    assert list(map(_of, _archive(tmp_path).gaps())) == _by_slot(tmp_path, _at(0))


def test_a_page_with_many_odd_files_is_not_compared_for_each_of_them() -> None:
    compared = 0

    class Time(int):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return int(self) == other

        def __ne__(self, other: object) -> bool:
            return not self == other

        __hash__ = int.__hash__

    class Pages(Inventory):
        def __init__(self, rows: list[tuple[Any, ...]]) -> None:
            self.rows = rows

        def in_brief(self, job: int) -> Iterator[list[tuple[Any, ...]]]:
            del job
            yield self.rows

    rows = [
        (n, f"{n}", "missing", Time(60 * n), Time(60 * n + 60 - n % 2), None, 0, None, 1, None, 0)
        for n in range(1, 1000)
    ]
    files = InBrief(Pages(rows), 1, lambda _: None)
    for n in range(1, 900):
        if files.take(60 * n, 60, 1000 - n) is None:
            files.advance()
    assert compared < 20 * len(rows)


def test_files_removed_from_disk_are_ranges_too(tmp_path: Path) -> None:
    _long(tmp_path, 3000)
    for each in (tmp_path / "j").iterdir():
        each.unlink()

    gaps = _ranges(tmp_path)

    assert len(gaps) < 12
    assert [name for gap in gaps for name in gap.names] == [f"{n:05d}" for n in range(3000)]
    assert {(gap.state, gap.reason) for gap in gaps} == {
        ("missing", "was verified, but is no longer on disk")
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "elsewhere"), ("start", 7), ("start", "text"), ('"end"', 8), ("size", b"10"),
     ("key = '../x', name", "../x"), ("state", "missinh"), ("flags", "x"), ("message", b"HTTP")],
)  # fmt: skip
def test_damage_to_a_missing_file_is_found(tmp_path: Path, column: str, value: object) -> None:
    _long_and_missing(tmp_path, 1500)
    with closing(sqlite3.connect(tmp_path / ".backhaul" / "ledger.sqlite")) as db:
        db.execute(f"UPDATE files SET {column} = ? WHERE name = '00700'", (value,))
        db.commit()

    with pytest.raises(BackhaulError, match="damaged"):
        _ranges(tmp_path)

"""Counts of silent and unknown slots match what is displayed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul import JobState, JobStatus, RemoteFile, Slots, SlotState
from backhaul.archive.coverage import Silence, count_silence, job_ranges, job_slots
from backhaul.archive.slot_views import SlotView
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import FileRow, JobRow

_FIRST = datetime(2012, 1, 1, tzinfo=UTC)


def _at(minutes: int) -> datetime:
    return _FIRST + timedelta(minutes=minutes)


@st.composite
def _runs(draw: st.DrawFn) -> Slots:
    start = draw(st.integers(0, 100))
    every = draw(st.none() | st.integers(1, 20))
    return Slots(
        _at(start),
        _at(start + draw(st.integers(0, 60))),
        every=timedelta(minutes=every) if every else None,
        state=draw(
            st.sampled_from((None, None, SlotState.SILENT, SlotState.MISSING, SlotState.UNKNOWN))
        ),
        records=draw(st.sampled_from((None, 0, 5))),
    )


def _counts_what_is_shown(ledger: Ledger) -> None:
    row = ledger.jobs.get("j")
    assert row is not None
    shown = Counter(slot.state for slot in job_slots(ledger, row, None))
    assert count_silence(ledger, row) == Silence(shown[SlotState.SILENT], shown[SlotState.UNKNOWN])
    shown_one_by_one = [
        (_of(view), {each.row.name for each in view.found})
        for view in job_slots(ledger, row, None)
        if view.start is not None
    ]
    assert shown_one_by_one == list(_laid_over_each_other(ledger, row))
    assert not [view for view in job_ranges(ledger, row, None) if view.every and view.found]


def _laid_over_each_other(
    ledger: Ledger, row: JobRow
) -> Iterator[tuple[tuple[float, float], set[str]]]:
    """Each slot with its files, found slot by slot."""
    upcoming = list(ledger.inventory.with_slot(row.id))
    active: list[FileRow] = []
    for run in sorted(row.slot_runs(), key=lambda run: run.start):
        for start, end in map(_period, _single(run)):
            while upcoming and (upcoming[0].start or 0) < end:
                file = upcoming.pop(0)
                if (file.end or 0) <= start:
                    yield (file.start or 0, file.end or 0), {file.name}
                else:
                    active.append(file)
            yield (
                (start, end),
                {f.name for f in active if (f.start or 0) < end and (f.end or 0) > start},
            )
            active = [file for file in active if (file.end or 0) > end]
    for file in upcoming:
        yield (file.start or 0, file.end or 0), {file.name}


def _single(run: Slots) -> Iterator[Slots]:
    if not run.every:
        yield run
        return
    start = run.start
    while start < run.end:
        yield Slots(start, min(start + run.every, run.end))
        start += run.every


def _period(slot: Slots) -> tuple[float, float]:
    return slot.start.timestamp(), slot.end.timestamp()


def _of(view: SlotView) -> tuple[float, float]:
    assert view.start is not None
    assert view.end is not None
    return view.start.timestamp(), view.end.timestamp()


def test_slots_without_files_are_one_range_however_many(tmp_path: Path) -> None:
    run = Slots(_at(0), _at(790_436 * 10 - 3), every=timedelta(minutes=10))
    with Ledger(tmp_path / ".backhaul") as ledger:
        number = ledger.jobs.open("j", source="s", provider="p")
        ledger.jobs.save_status(number, JobStatus(JobState.READY, slots=(run,)))
        ledger.files.add(
            number, [RemoteFile("a", start=_at(5_000), end=_at(5_010)), RemoteFile("b")]
        )
        row = ledger.jobs.get("j")
        assert row is not None
        views = list(job_ranges(ledger, row, None))

    assert [view.slots for view in views] == [500, 1, 789_935, 1]
    assert [bool(view.found) for view in views] == [False, True, False, True]
    assert (views[2].start, views[2].end) == (_at(5_010), run.end)


_DOUBT = st.sampled_from(("", "the list contradicts itself"))
_SPANS = st.tuples(st.integers(0, 160), st.integers(0, 30))


@given(
    runs=st.lists(_runs(), max_size=4),
    spans=st.lists(_SPANS, max_size=12),
    whole=st.booleans(),
    doubt=_DOUBT,
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_the_count_of_silent_slots_is_that_of_the_slots_shown(
    tmp_path: Path, runs: list[Slots], spans: list[tuple[int, int]], doubt: str, *, whole: bool
) -> None:
    dest = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    dest.mkdir()
    with Ledger(dest / ".backhaul") as ledger:
        job = ledger.jobs.open("j", source="s", provider="p")
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=tuple(runs)))
        files = [
            RemoteFile(f"{number}.json", start=_at(start), end=_at(start + length))
            for number, (start, length) in enumerate(spans)
        ]
        ledger.files.add(job, files)
        if whole:
            ledger.jobs.save_listed(job)
        ledger.jobs.save_doubt(job, doubt)
        _counts_what_is_shown(ledger)


@given(
    slots=st.integers(1, 12),
    rest=st.integers(0, 9),
    cells=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 10)), max_size=12),
    doubt=_DOUBT,
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_the_same_holds_for_files_within_slots(
    tmp_path: Path, slots: int, rest: int, cells: list[tuple[int, int]], doubt: str
) -> None:
    dest = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    dest.mkdir()
    with Ledger(dest / ".backhaul") as ledger:
        job = ledger.jobs.open("j", source="s", provider="p")
        run = Slots(_at(0), _at(10 * slots + rest), every=timedelta(minutes=10))
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=(run,)))
        files = [
            RemoteFile(f"{number}.json", start=_at(10 * cell), end=_at(10 * cell + length))
            for number, (cell, length) in enumerate(cells)
        ]
        ledger.files.add(job, [*files, RemoteFile("of no time.json")])
        ledger.jobs.save_listed(job)
        ledger.jobs.save_doubt(job, doubt)
        _counts_what_is_shown(ledger)

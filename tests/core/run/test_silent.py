"""Silent and unknown slots are counted as they are shown."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul import JobState, JobStatus, RemoteFile, Slots, SlotState
from backhaul.archive.coverage import Silence, count_silence, job_slots
from backhaul.ledger.ledger import Ledger

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
    with Ledger(dest) as ledger:
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
def test_so_it_is_where_files_lie_within_the_slots(
    tmp_path: Path, slots: int, rest: int, cells: list[tuple[int, int]], doubt: str
) -> None:
    dest = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    dest.mkdir()
    with Ledger(dest) as ledger:
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

"""A slot is silent only if the provider's list proves it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.listed import listing
from tests.one_job import one_job, under_way

from backhaul import (
    JobOptions,
    JobState,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    Slots,
    SlotState,
    SourceOptions,
    Totals,
    hookimpl,
)
from backhaul.archive.coverage import job_slots
from backhaul.errors import ExitCode, FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import VOLUME
from backhaul.ledger.streams import Position
from backhaul.plugins.loading import build
from backhaul.run.conclude import conclude
from backhaul.run.doubt import UNREAD
from backhaul.run.result import JobOutcome, JobResult
from backhaul.run.task import Task
from backhaul.storage.lease import Lease

FIRST = datetime(2014, 5, 17, tzinfo=UTC)
TEN = timedelta(minutes=10)
RUN = Slots(FIRST, FIRST + 6 * TEN, every=TEN)
MISMATCH, FAILED = FailureKind.COUNT_MISMATCH, FailureKind.FAILED


def concluded(task: Task) -> JobResult:
    """The job's result, with all work done in this thread."""
    steps = conclude(task, durable=False)
    found: object = None
    while True:
        try:
            found = steps.send(found)()
        except StopIteration as end:
            result: JobResult = end.value
            return result


class Job:
    """A job whose listing has started; ``end`` ends the run."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.ledger = task.ledger
        task.open_storage(durable=False)

    def begin(self, status: JobStatus) -> None:
        self.task.job.status = status
        self.ledger.jobs.save_status(self.task.id, status)
        self.ledger.jobs.save_doubt(self.task.id, UNREAD)

    def have(self, files: Sequence[RemoteFile], *, flags: int = 0) -> None:
        """Files that are listed and present."""
        self.ledger.files.add(self.task.id, files, flags=flags)
        for file in files:
            (self.task.destination.local_path(file.name)).write_bytes(b"x")
            done = (SlotState.VERIFIED, 1, "0" * 64, 1, None, None, None, 0, 4)
            self.ledger.files.save_done([(*done, self.task.id, file.name)])

    def end(self, *, whole: bool = True) -> JobResult:
        self.task.job.listed_whole = whole
        return concluded(self.task)

    def states(self) -> Counter[str]:
        row = self.ledger.jobs.get("job")
        assert row is not None
        return Counter(
            str(slot.state) for slot in job_slots(self.ledger, row, self.task.destination)
        )


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with Ledger(tmp_path / ".backhaul") as ledger, under_way(listing(), tmp_path, ledger) as task:
        yield Job(task)


def dated(*slots: int) -> list[RemoteFile]:
    return [RemoteFile(f"{n}.gz", start=FIRST + n * TEN, end=FIRST + (n + 1) * TEN) for n in slots]


def ready(**declared: Any) -> JobStatus:
    return JobStatus(JobState.READY, slots=(RUN,), **declared)


def test_a_list_that_agrees_with_its_counts_proves_silence(job: Job) -> None:
    job.begin(ready(totals=Totals(files=2)))
    job.have(dated(0, 3))
    result = job.end()
    assert (result.state, result.files.silent, result.files.unknown) == (
        JobOutcome.COMPLETE,
        4,
        0,
    )
    assert job.states() == {"verified": 2, "silent": 4}


@pytest.mark.parametrize(
    ("declared", "files", "kind", "code"),
    [
        ({"totals": Totals(files=3)}, dated(0, 3), MISMATCH, ExitCode.VERIFICATION),
        ({"totals": Totals(files=1)}, dated(0, 3), MISMATCH, ExitCode.VERIFICATION),
        ({"totals": Totals(records=9)}, dated(0, 3), MISMATCH, ExitCode.VERIFICATION),
        ({"doubt": "the list says 3"}, dated(0, 3), MISMATCH, ExitCode.VERIFICATION),
        ({}, [*dated(0, 3), RemoteFile("x.gz")], FAILED, ExitCode.INCOMPLETE),
    ],
    ids=["fewer than counted", "more than counted", "records", "the provider's own", "undated"],
)
def test_a_list_that_disagrees_with_its_counts_leaves_slots_unknown(
    job: Job, declared: dict[str, Any], files: list[RemoteFile], kind: FailureKind, code: ExitCode
) -> None:
    job.begin(ready(**declared))
    job.have(files)
    result = job.end()
    assert (result.state, result.exit_code) == (JobOutcome.PARTIAL, code)
    assert {note.kind for note in result.failures} == {kind}
    assert (result.files.silent, result.files.unknown) == (0, 4)
    assert job.states()["unknown"] == 4


def test_an_auxiliary_file_needs_no_period(job: Job) -> None:
    job.begin(ready(totals=Totals(files=2)))
    job.have([*dated(0, 3), RemoteFile("minutes.json", content="json", optional=True)])
    result = job.end()
    assert (result.state, result.files.silent, result.files.unknown) == (
        JobOutcome.COMPLETE,
        4,
        0,
    )


def test_a_file_without_a_usable_name_may_belong_to_any_slot(job: Job) -> None:
    job.begin(ready())
    job.have(dated(0))
    job.task.note(FailureKind.UNSAFE_NAME, "its name leaves the folder", file="../x")
    result = job.end()
    assert (result.files.silent, result.files.unknown) == (0, 5)
    assert result.exit_code is ExitCode.INCOMPLETE


def test_if_each_slot_has_a_file_a_doubt_does_not_matter(job: Job) -> None:
    job.begin(ready(doubt="the list says 7"))
    job.have(dated(*range(6)))
    result = job.end()
    assert (result.state, result.files.unknown) == (JobOutcome.COMPLETE, 0)


@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_list_proves_nothing_even_if_an_earlier_one_was_complete(
    job: Job, *, before: bool
) -> None:
    job.begin(ready())
    job.have(dated(0))
    job.end(whole=before)
    job.begin(ready())
    job.task.note(FailureKind.UNREACHABLE, "no connection")
    result = job.end(whole=False)
    assert (result.files.unknown, result.exit_code) == (5, ExitCode.UNREACHABLE)
    assert job.states() == {"verified": 1, "unknown": 5}


def test_a_refused_status_does_not_change_what_was_proven(job: Job) -> None:
    job.begin(ready())
    job.have(dated(0))
    job.end()
    job.task.lease.release()
    with under_way(listing(), job.task.spec.dest.disk, job.ledger) as again:
        again.note(FailureKind.DENIED, "401")
        concluded(again)
    job.task.lease = Lease(job.task.spec.dest.workspace, "job")
    assert job.states() == {"verified": 1, "silent": 5}


def test_no_slot_is_silent_while_a_list_is_read_or_if_the_run_dies_meanwhile(
    tmp_path: Path,
) -> None:
    seen: list[Counter[str]] = []

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("Ten minutes each", SourceOptions, JobOptions)

    @hookimpl
    def get_status() -> JobStatus:
        return ready()

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        with Ledger(tmp_path / ".backhaul", readonly=True) as ledger:
            row = ledger.jobs.get("job")
            assert row is not None
            seen.append(Counter(str(slot.state) for slot in job_slots(ledger, row, None)))
        yield from ()

    module = ModuleType("ten_minutes")
    for hook in (provider, get_status, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    for _ in range(2):
        (result,) = one_job(build(module, name="ten"), tmp_path, durable=False).run().jobs
        assert result.files.silent == 6
    assert seen == [{"unknown": 6}, {"unknown": 6}]


def test_a_complete_list_ends_the_doubt(job: Job) -> None:
    job.begin(ready(doubt="the list says 7"))
    job.have(dated(0))
    assert job.end().files.unknown == 5
    job.begin(ready())
    assert job.end().files.silent == 5


@pytest.mark.parametrize(
    ("refused", "empty", "begun"), [(False, "pending", "partial"), (True, "failed", "failed")]
)
def test_an_unfinished_queue_proves_nothing(
    job: Job, empty: str, begun: str, *, refused: bool
) -> None:
    chunks = (Slots(FIRST, FIRST + TEN, records=5), Slots(FIRST + TEN, FIRST + 2 * TEN, records=0))
    job.begin(JobStatus(JobState.READY, slots=chunks))
    job.ledger.streams.save(job.task.id, "q.gz", Position("c", 1, 0, 0, 0))
    if refused:
        job.task.note(FailureKind.DENIED, "403", file="q.gz")
    result = job.end()
    assert job.states() == {empty: 2}
    assert (result.files.silent, result.files.unknown) == (0, 0)
    job.have([RemoteFile("q-1.gz", start=FIRST, end=FIRST + 2 * TEN)], flags=VOLUME)
    assert job.states() == {begun: 2}
    job.ledger.streams.save(job.task.id, "q.gz", Position("c", 2, 0, 0, 1))
    assert job.states() == {"verified": 2}

"""The progress of a finished job uses the same words as the summary."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.one_job import one_job

from backhaul import (
    AuthError,
    Chunk,
    JobOptions,
    JobState,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    hookimpl,
)
from backhaul.errors import BackhaulError, NotFoundError, PluginError
from backhaul.plugins.loading import build
from backhaul.run.progress import progress
from backhaul.run.result import JobOutcome
from backhaul.storage.lease import Lease


class Shelf:
    """A provider whose files succeed or fail depending on their names."""

    def __init__(self, *names: str, state: JobState | BackhaulError = JobState.READY) -> None:
        self.names = names
        self.state = state

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("shelf", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self) -> JobStatus:
        if isinstance(self.state, BackhaulError):
            raise self.state
        return JobStatus(self.state)

    @hookimpl
    def resolve_files(self) -> Iterator[RemoteFile]:
        yield from (RemoteFile(name, content="jsonl") for name in self.names)

    @hookimpl
    def pull_file(self, file: RemoteFile) -> Iterator[Chunk]:
        if file.name.startswith("bad"):
            raise AuthError("not this one")
        yield Chunk(b"{}\n", "1")


def over(
    dest: Path, plugin: Shelf, *, error: BackhaulError | None = None
) -> tuple[str, JobOutcome]:
    """The final progress text and the job's outcome in the summary."""
    provider = build(plugin, name="shelf")
    driver = one_job(
        provider, dest, plugin_error=error, durable=False, max_duration=timedelta(seconds=10)
    )
    (result,) = driver.run().jobs
    shot = progress(driver.all_jobs[0], driver, time.monotonic())
    assert shot.ended
    return shot.phase, result.state


def test_a_job_with_all_files_is_complete(tmp_path: Path) -> None:
    assert over(tmp_path, Shelf("a.jsonl")) == ("complete", JobOutcome.COMPLETE)


def test_a_job_whose_plugin_is_missing_is_not_called_done(tmp_path: Path) -> None:
    word, outcome = over(tmp_path, Shelf(), error=PluginError("no such provider"))

    assert (word, outcome) == ("failed: plugin", JobOutcome.FAILED)


def test_a_job_that_another_run_holds_is_called_locked(tmp_path: Path) -> None:
    lease = Lease(tmp_path / ".backhaul", "job")
    try:
        assert over(tmp_path, Shelf("a.jsonl")) == ("failed: locked", JobOutcome.FAILED)
    finally:
        lease.release()


def test_a_refused_password_is_called_denied(tmp_path: Path) -> None:
    plugin = Shelf(state=AuthError("401"))

    assert over(tmp_path, plugin) == ("failed: denied", JobOutcome.FAILED)


def test_a_job_that_failed_at_the_provider_has_failed(tmp_path: Path) -> None:
    assert over(tmp_path, Shelf(state=JobState.FAILED)) == ("failed", JobOutcome.FAILED)


def test_a_job_that_is_not_delivered_yet_is_not_ready(tmp_path: Path) -> None:
    plugin = Shelf(state=JobState.PENDING)

    word, outcome = over(tmp_path, plugin)
    assert outcome == JobOutcome.NOT_READY
    assert "failed" not in word


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a.jsonl", "bad.jsonl"), ("partial", JobOutcome.PARTIAL)),
        (("bad.jsonl",), ("failed", JobOutcome.FAILED)),
        (("a.jsonl", "../b.jsonl"), ("partial", JobOutcome.PARTIAL)),
    ],
)
def test_a_job_with_failed_files_is_not_called_done(
    tmp_path: Path, names: tuple[str, ...], expected: tuple[str, JobOutcome]
) -> None:
    assert over(tmp_path, Shelf(*names)) == expected


def test_a_file_that_may_be_missing_leaves_the_job_complete(tmp_path: Path) -> None:
    class Gappy(Shelf):
        @hookimpl
        def resolve_files(self) -> Iterator[RemoteFile]:
            yield RemoteFile("a.jsonl", content="jsonl")
            yield RemoteFile("missing.jsonl", content="jsonl", optional=True)

        @hookimpl
        def pull_file(self, file: RemoteFile) -> Iterator[Chunk]:
            if file.name == "missing.jsonl":
                raise NotFoundError("none that day")
            yield Chunk(b"{}\n", "1")

    assert over(tmp_path, Gappy()) == ("complete", JobOutcome.COMPLETE)

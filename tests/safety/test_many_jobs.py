"""More jobs than this process may open files: each gets its turn."""

import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import warm
from tests.one_job import job_spec
from tests.shelf import Shelf
from tests.usual import usual

from backhaul import (
    Http,
    JobOptions,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    hookimpl,
)
from backhaul.config import Settings
from backhaul.descriptors import patiently, raise_limit, shares
from backhaul.errors import ExitCode
from backhaul.plugins.loading import build
from backhaul.run import driver as driver_module
from backhaul.run.driver import Driver
from backhaul.run.result import JobOutcome
from backhaul.types import JobState

PROGRAM = """
import resource, sys
from pathlib import Path
limit, jobs, dests = map(int, sys.argv[1:4])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from tests.safety.test_many_jobs import many, run_of
with many() as provider:
    result = run_of(provider, Path(sys.argv[4]), jobs, dests).run()
sys.exit(result.exit_code)
"""


@dataclass
class Provider:
    """One file per job; returns each job's status and records the order of the queries."""

    shelf: Shelf
    ready_at: dict[str, float] = field(default_factory=dict)
    expires: dict[str, datetime] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("many", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self, http: Http, job: JobOptions) -> JobStatus:
        del http
        name = str(job)
        self.asked.append(name)
        if time.monotonic() < self.ready_at.get(name, 0.0):
            return JobStatus(JobState.PENDING, retry_after=0.1)
        return JobStatus(JobState.READY, expires=self.expires.get(name))

    @hookimpl
    def resolve_files(self) -> Iterator[RemoteFile]:
        yield RemoteFile("a.csv", self.shelf.storage.link("a.csv"), content="bytes")


class Named(JobOptions):
    """A job option that identifies the job."""

    id: str = ""

    def __str__(self) -> str:
        return self.id


@contextmanager
def many() -> Iterator[Provider]:
    """A provider of any number of jobs."""
    with Shelf() as shelf:
        shelf.storage.put("a.csv", b"1,2,3\n" * 9)
        yield Provider(shelf)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with many() as made:
        yield made


def run_of(provider: Provider, dest: Path, jobs: int, dests: int = 1, wait: float = 0.0) -> Driver:
    """A driver of this many jobs, j0, j1, ... in this many destinations."""
    built = build(provider, name="many")
    specs = [
        job_spec(
            dest / str(number % dests),
            name=f"j{number}",
            provider="many",
            options=Named.model_construct(id=f"j{number}"),
            wait=timedelta(seconds=wait),
        )
        for number in range(jobs)
    ]
    settings = Settings(min_free_space=0, durable=False)
    return Driver(specs, settings, load=lambda _: built, make_http=lambda _, stop: Http(stop=stop))


@pytest.mark.parametrize(
    ("limit", "jobs", "dests"),
    usual(
        [
            (64, 60, 1),
            (96, 40, 20),
            pytest.param(256, 1000, 1, marks=pytest.mark.slow),
            pytest.param(256, 300, 300, marks=pytest.mark.slow),
        ],
        64,
    ),
)
def test_more_jobs_than_descriptors_all_complete(
    tmp_path: Path, limit: int, jobs: int, dests: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(limit), str(jobs), str(dests), str(tmp_path)]
    assert warm.run(command, check=False).returncode == ExitCode.OK
    assert len([*tmp_path.glob("*/j*/a.csv")]) == jobs


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shares
    monkeypatch.setattr(driver_module, "shares", lambda *wish: real(*wish)._replace(jobs=2))


@pytest.mark.usefixtures("two_at_once")
def test_the_waiting_job_whose_data_expires_first_goes_first(
    provider: Provider, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    provider.expires = {
        "j1": now - timedelta(hours=1),
        "j3": now + timedelta(hours=2),
        "j5": now + timedelta(hours=1),
    }
    run_of(provider, tmp_path, 6).run()
    del provider.asked[:]
    assert run_of(provider, tmp_path, 6).run().exit_code is ExitCode.OK
    assert set(provider.asked[:2]) == {"j5", "j3"}
    assert set(provider.asked[2:4]) == {"j0", "j1"}


@pytest.mark.usefixtures("two_at_once")
def test_jobs_that_are_not_ready_keep_no_others_waiting(provider: Provider, tmp_path: Path) -> None:
    ready = threading.Event()
    provider.ready_at = dict.fromkeys(("j0", "j1", "j2"), float("inf"))
    run = run_of(provider, tmp_path, 6, wait=3600.0)

    def watch(driver: Driver) -> None:
        if all(job.ended for job in driver.all_jobs[3:]) and not ready.is_set():
            ready.set()
            provider.ready_at.clear()

    run._on_tick = watch  # called several times per second
    assert run.run().exit_code is ExitCode.OK
    assert ready.is_set()


@pytest.mark.usefixtures("two_at_once")
def test_an_interrupted_run_reports_the_jobs_that_had_not_started(
    provider: Provider, tmp_path: Path
) -> None:
    provider.ready_at = dict.fromkeys(("j0", "j1"), float("inf"))
    run = run_of(provider, tmp_path, 4, wait=3600.0)
    provider.ready_at |= dict.fromkeys(("j2", "j3"), float("inf"))
    threading.Timer(0.5, run.interrupt).start()
    result = run.run()
    assert result.exit_code is ExitCode.INTERRUPTED
    assert [job.state for job in result.jobs] == [JobOutcome.PARTIAL] * 4


def test_running_out_of_descriptors_is_waited_out(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    path = tmp_path / "file"
    path.touch()
    taken = [os.open(path, os.O_RDONLY)]
    timer = threading.Timer(0.2, lambda: os.close(taken.pop()))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 64, hard))
        with suppress(OSError):
            taken.extend(iter(lambda: os.dup(taken[0]), None))
        with pytest.raises(OSError, match="open files"):
            path.open()
        timer.start()
        with patiently(path.open):
            timer.join()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            os.close(each)


def test_a_command_may_have_as_many_open_files_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(128, hard), hard))
        raise_limit()
        raised, still = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert still == hard
    assert raised == hard or raised >= 1 << 16


@pytest.mark.parametrize(("wished", "warnings"), [(64, 1), (1, 0)])
def test_fewer_connections_than_configured_are_announced(
    caplog: pytest.LogCaptureFixture, wished: int, warnings: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
        fitting = shares(wished, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert fitting.connections < 64
    assert len(caplog.records) == warnings

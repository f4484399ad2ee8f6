"""Jobs whose data the provider deletes: the first to expire goes first, and a late one gets a warning."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.one_job import job_spec
from tests.shelf import Shelf, large_archive

from backhaul import (
    Http,
    JobOptions,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    Totals,
    hookimpl,
)
from backhaul.config import Settings
from backhaul.plugins.loading import build
from backhaul.run import deadline, driver
from backhaul.run.driver import Driver
from backhaul.types import JobState


@dataclass
class Expiring:
    """A provider of files that expire after some seconds; it answers with a delay."""

    shelf: Shelf
    keys: tuple[str, ...]
    left: float
    answers_after: float = 0.0
    size: int | None = None

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("expiring", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self) -> JobStatus:
        time.sleep(self.answers_after)
        expires = datetime.now(UTC) + timedelta(seconds=self.left)
        totals = Totals(bytes=self.size) if self.size else None
        return JobStatus(JobState.READY, expires=expires, totals=totals)

    @hookimpl
    def resolve_files(self) -> Iterator[RemoteFile]:
        for key in self.keys:
            yield RemoteFile(key, self.shelf.storage.link(key))


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        for key in ("a.json.gz", "b.json.gz", "soon.json.gz"):
            started.storage.put(key, large_archive(1, 100_000))
        yield started


def run(dest: Path, *plugins: Expiring, **settings: int) -> Driver:
    """A driver with one job per provider."""
    specs = [
        job_spec(dest, name=f"job-{number}", provider=str(number))
        for number, _ in enumerate(plugins)
    ]
    made = Driver(
        specs,
        Settings(min_free_space=0, **settings),  # type: ignore[arg-type]  # numbers only
        load=lambda name: build(plugins[int(name)], name="expiring"),
        make_http=lambda _, stop: Http(stop=stop),
    )
    made.run()
    return made


def test_the_job_that_expires_first_goes_first_even_if_its_provider_responds_last(
    shelf: Shelf, tmp_path: Path
) -> None:
    later = Expiring(shelf, ("a.json.gz", "b.json.gz"), left=9000)
    soon = Expiring(shelf, ("soon.json.gz",), left=900, answers_after=0.4)
    shelf.faults.replace("slow=400000:all")  # so that both lists arrive before the second file
    run(tmp_path, later, soon, connections=1)
    paths = [each.path.rpartition("/")[2] for each in shelf.requests.at("storage")]
    assert "soon.json.gz" in paths[:2]
    assert len(paths) == 3


@pytest.mark.parametrize(("size", "late"), [(10**9, True), (10**5, False)])
def test_a_job_that_will_not_finish_in_time_is_reported_once(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, *, late: bool
) -> None:
    monkeypatch.setattr(deadline, "_EARLY", 0.0)
    monkeypatch.setattr(driver, "_LOOK", 0.05)
    shelf.faults.replace("slow=200000:all@*b.json.gz")
    plugin = Expiring(shelf, ("a.json.gz", "b.json.gz"), left=60, size=size)
    (job,) = run(tmp_path, plugin).all_jobs
    assert job.late is late
    assert len(job.warnings) == late

"""Waiting for disk space in the driver: streams, links and progress."""

import gzip
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.messages import assert_messages, missing_facts
from tests.one_job import one_job
from tests.safety.small_disk import Ballast, mounted
from tests.threads import assert_no_threads, of_this_test
from werkzeug import Request as Asked
from werkzeug import Response

from backhaul import (
    IDLE,
    Chunk,
    Http,
    JobOptions,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    Totals,
    hookimpl,
)
from backhaul.cli.progress import as_line
from backhaul.errors import FailureKind
from backhaul.events import Progress
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.progress import progress
from backhaul.run.result import JobResult
from backhaul.storage.workspace import PART, SIDECAR
from backhaul.testing import Emulator
from backhaul.types import JobState

MB = 1 << 20
IDLE_FOR = 1.0  # seconds until a queue counts as empty
Ticked = Callable[[Driver], None]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    with of_this_test():
        yield
        assert_no_threads()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "16m") as folder:
        yield folder


def fetch(dest: Path, plugin: object, *, on_tick: Ticked, patience: float = 30.0) -> JobResult:
    """One run, limited to a minute, with min_free_space of 8 MiB."""
    driver = one_job(
        build(plugin, name="plugin"),
        dest,
        name="j",
        on_tick=on_tick,
        durable=False,
        min_free_space=8 * MB,
        disk_patience=timedelta(seconds=patience),
        max_duration=timedelta(seconds=60),
    )
    driver.low_water.every = 0.05
    driver.streams.idle = IDLE_FOR
    (result,) = driver.run().jobs
    return result


class Plugin:
    """The common part of both kinds."""

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("plugin", SourceOptions, JobOptions)


class Queue(Plugin):
    """Ten chunks with cursors; the disk fills before the fourth, and then nothing arrives for a while."""

    def __init__(self, ballast: Ballast) -> None:
        self.ballast = ballast
        self.pulls = 0
        self.filled = False

    @hookimpl
    def get_status(self) -> JobStatus:
        return JobStatus(JobState.RUNNING if self.pulls < 10 else JobState.READY, partial=True)

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        return [RemoteFile("a.jsonl.gz")]

    @hookimpl
    def pull_file(self, http: Http, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 10):
            if number == 3 and not self.filled:
                self.filled = True
                self.ballast.load(left=2 * MB)
                for _ in range(10):
                    yield IDLE
                    http.sleep(0.02)
            self.pulls += 1
            yield Chunk(b'{"n":%d}\n' % number, str(number + 1))


def numbers(path: Path) -> list[int]:
    return [json.loads(text)["n"] for text in gzip.decompress(path.read_bytes()).splitlines()]


def waits(driver: Driver) -> bool:
    return bool(driver.all_jobs[0].disk.text)


def test_a_queue_is_not_pulled_while_there_is_no_space(disk: Path) -> None:
    ballast = Ballast(disk)
    queue = Queue(ballast)
    seen: list[tuple[float, int]] = []

    def look(driver: Driver) -> None:
        if waits(driver):
            seen.append((time.monotonic(), queue.pulls))
            if seen[-1][0] - seen[0][0] > 2 * IDLE_FOR:
                ballast.drop()

    result = fetch(disk / "archive", queue, on_tick=look)
    assert (result.exit_code, result.failures) == (0, ())
    assert {pulls for _, pulls in seen} == {3}
    assert numbers(disk / "archive/j/a.jsonl.gz") == list(range(10))


def test_a_queue_is_left_when_patience_ends_and_continued_by_the_next_run(disk: Path) -> None:
    ballast = Ballast(disk)
    queue = Queue(ballast)
    first = fetch(disk / "archive", queue, on_tick=lambda _: None, patience=0.3)
    assert (first.exit_code, [note.kind.value for note in first.failures]) == (9, ["disk"])
    ballast.drop()
    second = fetch(disk / "archive", queue, on_tick=lambda _: None)
    assert (second.exit_code, queue.pulls) == (0, 10)
    assert numbers(disk / "archive/j/a.jsonl.gz") == list(range(10))


class Files(Emulator):
    """A storage without an API."""

    provider = "plugin"

    def api(self, request: Asked) -> Response:
        del request
        return Response(status=404)


class Linked(Plugin):
    """Six files; defines how many links of each listing work, and what happens before it."""

    def __init__(self, files: Files, *listings: tuple[float, Callable[[], None]]) -> None:
        self.files = files
        self.listings = list(listings)
        self.asked = 0
        for number in range(6):
            files.storage.put(f"{number}.json", b'{"n":%d}\n' % number)

    @hookimpl
    def resolve_files(self, http: Http) -> Iterator[RemoteFile]:
        lifetime, happens = self.listings[min(self.asked, len(self.listings) - 1)]
        self.asked += 1
        happens()
        http.sleep(0.3)  # so that the disk is checked
        for number in range(6):
            name = f"{number}.json"
            yield RemoteFile(name, self.files.storage.link(name, lifetime=lifetime), content="json")


@pytest.fixture
def files() -> Iterator[Files]:
    with Files() as started:
        yield started


def test_fresh_links_that_expire_in_the_wait_are_renewed_once_more(
    disk: Path, files: Files
) -> None:
    ballast = Ballast(disk)
    nothing, fill = (lambda: None), (lambda: ballast.load(left=2 * MB))
    plugin = Linked(files, (-60, nothing), (1, fill), (60, nothing))
    seen: list[bool] = []

    def look(driver: Driver) -> None:
        if waits(driver):
            seen.append(True)
            if len(seen) == 22:
                ballast.drop()

    result = fetch(disk / "archive", plugin, on_tick=look)
    assert (result.exit_code, result.files.verified, plugin.asked) == (0, 6, 3)


def test_progress_says_that_it_waits_and_for_what(
    disk: Path, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    ballast = Ballast(disk)
    ballast.load(left=2 * MB)
    shots: list[Progress] = []

    def look(driver: Driver) -> None:
        if waits(driver):
            shots.append(progress(driver.all_jobs[0], driver, driver.started + 1))
            if len(shots) == 3:
                ballast.drop()

    with caplog.at_level(logging.WARNING):
        result = fetch(disk / "archive", Linked(files, (60, lambda: None)), on_tick=look)
    assert (result.exit_code, result.warnings) == (0, ())
    (word,) = {shot.phase for shot in shots}
    line = as_line(shots[-1])
    assert not missing_facts(line, word, " 1.", "8.0 MiB", "0 of 6 files"), line
    messages = [
        each.getMessage() for each in caplog.records if each.name == "backhaul.run.low_water"
    ]
    assert_messages(messages, ("", "min_free_space"), ("", str(disk)))


class Sized(Linked):
    """Reports its total size."""

    @hookimpl
    def get_status(self) -> JobStatus:
        return JobStatus(JobState.READY, totals=Totals(bytes=7 * MB))


def test_a_partial_file_needs_no_space_a_second_time(disk: Path, files: Files) -> None:
    folder = disk / "archive/j"
    folder.mkdir(parents=True)
    (folder / f"0.json{SIDECAR}").write_text("{}")
    # Of 16 MiB, 10 are free and 8 must stay free.
    (folder / f"0.json{PART}").write_bytes(bytes(6 * MB))
    plugin = Sized(files, (60, lambda: None))
    result = fetch(disk / "archive", plugin, on_tick=lambda _: None)
    assert FailureKind.DISK not in {note.kind for note in result.failures}
    assert result.files.verified == 6

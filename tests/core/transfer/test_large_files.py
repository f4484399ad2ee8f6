"""Files of tens of megabytes: fetched in segments over several connections, resumed span by span."""

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive
from tests.usual import usual
from werkzeug import Request, Response

from backhaul import JobOptions, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.result import RunResult
from backhaul.testing import Faults

MB = 1 << 20
SPLIT = 17 * MB  # just above the size from which files are split
UNFINISHED = "stall:all@*large.json.gz"  # half of each body, then nothing until the run stops


def provider(storage: Shelf, *keys: str, redirected: bool = False) -> Provider:
    module = ModuleType("large_files")

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("Large files", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        for key in keys:
            link = f"{storage.url}/{key}" if redirected else storage.storage.link(key)
            yield RemoteFile(key, link)

    for hook in (provider, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    return build(module, name="large-files")


@pytest.fixture
def emulator() -> Iterator[Shelf]:
    with Shelf() as started:
        yield started


def run(
    emulator: Shelf,
    dest: Path,
    *keys: str,
    stop_at: int | None = None,
    redirected: bool = False,
    **settings: Any,
) -> tuple[RunResult, Driver]:
    loaded = provider(emulator, *keys, redirected=redirected)

    def interrupt_in_mid_flight(driver: Driver) -> None:
        if stop_at is not None and driver.engine.counters.bytes >= stop_at:
            driver.interrupt()

    driver = one_job(loaded, dest, on_tick=interrupt_in_mid_flight, **settings)
    return driver.run(), driver


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_large_file_arrives_over_several_connections(emulator: Shelf, tmp_path: Path) -> None:
    data = large_archive(1, SPLIT)
    emulator.storage.put("large.json.gz", data)
    result, driver = run(emulator, tmp_path, "large.json.gz")
    assert result.exit_code == 0
    assert (tmp_path / "job/large.json.gz").read_bytes() == data
    assert driver.engine.counters.requests > 2
    assert driver.engine.counters.bytes == len(data)


def test_a_file_of_moderate_size_takes_one_request(emulator: Shelf, tmp_path: Path) -> None:
    emulator.storage.put("moderate.json.gz", large_archive(1, 6 * MB))
    result, driver = run(emulator, tmp_path, "moderate.json.gz")
    assert result.exit_code == 0
    assert driver.engine.counters.requests == 1


def test_an_interrupted_large_file_continues_where_it_left_off(
    emulator: Shelf, tmp_path: Path
) -> None:
    data = large_archive(2, SPLIT)
    emulator.storage.put("large.json.gz", data)
    emulator.faults.replace(UNFINISHED)
    first, before = run(emulator, tmp_path, "large.json.gz", stop_at=1)
    emulator.faults.replace("")
    assert first.exit_code == 130
    assert not (tmp_path / "job/large.json.gz").exists()
    second, after = run(emulator, tmp_path, "large.json.gz")
    assert second.exit_code == 0
    assert (tmp_path / "job/large.json.gz").read_bytes() == data
    assert before.engine.counters.bytes + after.engine.counters.bytes == len(data)


def test_a_large_file_that_changed_between_two_runs_starts_over(
    emulator: Shelf, tmp_path: Path
) -> None:
    emulator.storage.put("large.json.gz", large_archive(3, SPLIT))
    emulator.faults.replace(UNFINISHED)
    first, _ = run(emulator, tmp_path, "large.json.gz", stop_at=1)
    emulator.faults.replace("")
    assert first.exit_code == 130
    changed = large_archive(4, SPLIT + MB)
    emulator.storage.put("large.json.gz", changed)
    second, _ = run(emulator, tmp_path, "large.json.gz")
    assert second.exit_code == 0
    assert (tmp_path / "job/large.json.gz").read_bytes() == changed


@pytest.mark.parametrize(
    "fault",
    usual(["drop=1000000:4", "reset=3000000:3", "503:3", "changed:1"], "drop=1000000:4"),
)
def test_a_large_file_survives(fault: str, tmp_path: Path) -> None:
    with Shelf(faults=Faults.parse(fault)) as emulator:
        data = large_archive(5, SPLIT)
        emulator.storage.put("large.json.gz", data)
        result, _ = run(emulator, tmp_path, "large.json.gz")
        assert result.exit_code == 0, result
        text = gzip.decompress((tmp_path / "job/large.json.gz").read_bytes())
        assert text == gzip.decompress(data)


class Redirecting(Shelf):
    """Redirects a permanent URL to a link that works for only a few requests."""

    def api(self, request: Request) -> Response:
        key = request.path.removeprefix("/")
        return Response(status=302, headers={"Location": self.storage.link(key)})


@pytest.mark.parametrize("dialect", usual(["expired", "page_403", "gone"], "expired"))
def test_a_large_file_behind_a_redirect_survives_the_expiry_of_its_links(
    tmp_path: Path, dialect: str
) -> None:
    with Redirecting(link_budget=4) as emulator:
        emulator.storage.dialect = dialect
        data = large_archive(6, SPLIT)
        emulator.storage.put("large.json.gz", data)
        result, driver = run(emulator, tmp_path, "large.json.gz", redirected=True, connections=2)
        assert result.exit_code == 0, result
        assert (tmp_path / "job/large.json.gz").read_bytes() == data
        assert driver.engine.counters.bytes < 1.5 * len(data)


def test_a_damaged_large_file_is_not_published(tmp_path: Path) -> None:
    with Shelf(faults=Faults.parse("corrupt:all")) as emulator:
        emulator.storage.put("large.json.gz", large_archive(6, SPLIT))
        result, _ = run(emulator, tmp_path, "large.json.gz")
        assert result.exit_code == 8
        assert not (tmp_path / "job/large.json.gz").exists()
        assert not list((tmp_path / "job").glob("*.part*"))


def test_small_files_do_not_wait_for_a_large_one(emulator: Shelf, tmp_path: Path) -> None:
    small = [f"{number:03}.json.gz" for number in range(50)]
    for key in small:
        emulator.storage.put(key, large_archive(7, 1000))
    emulator.storage.put("large.json.gz", large_archive(8, SPLIT))
    result, _ = run(emulator, tmp_path, "large.json.gz", *small)
    assert result.exit_code == 0
    assert result.jobs[0].files.verified == 51


def test_no_thread_is_left_behind(emulator: Shelf, tmp_path: Path) -> None:
    emulator.storage.put("large.json.gz", large_archive(9, SPLIT))
    before = threading.active_count()
    run(emulator, tmp_path, "large.json.gz")
    assert threading.active_count() == before


@pytest.mark.parametrize("sizes", [[400_000, 400_000, 400_000], [17 * MB]])
def test_all_files_together_do_not_exceed_the_rate_limit(
    emulator: Shelf, tmp_path: Path, sizes: list[int]
) -> None:
    keys = [f"{number}.json.gz" for number in range(len(sizes))]
    for number, key in enumerate(keys):
        emulator.storage.put(key, large_archive(number, sizes[number]))
    limit = sum(sizes)
    began = time.monotonic()
    result, driver = run(emulator, tmp_path, *keys, limit_rate=limit)
    took = time.monotonic() - began
    assert result.exit_code == 0
    assert driver.engine.counters.bytes >= sum(sizes)
    assert 0.7 < took < 4  # a second's worth, a quarter of which may arrive immediately

"""Nothing on the transfer loop's thread waits for a disk, another program or a plugin."""

import gzip
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.one_job import one_job
from tests.safety.loop_watch import watched
from tests.shelf import Shelf, large_archive
from tests.soon import SOON
from tests.usual import usual

from backhaul import (
    Content,
    JobOptions,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    Request,
    SourceOptions,
    hookimpl,
)
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.types import JobState

SIZES = {"inline": 1000, "in-memory": 200_000, "in-a-part": 2_000_000, "in-pieces": 17 << 20}


class Everything:
    """A provider with every hook, whose files take every path through a run."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.files: list[RemoteFile] = []
        for name, size in SIZES.items():
            self.put(f"{name}.json.gz", large_archive(size, size))
            self.put(f"deep/er/{name}.json.gz", large_archive(size + 1, size))
        for number in range(300):  # more than one published group
            self.put(f"many/{number:03d}.json.gz", gzip.compress(b'{"n": %d}\n' % number))
        self.put("refused.json.gz", gzip.compress(b'{"refused": 1}\n'))
        self.put("wrong.json.gz", b"<html>no archive</html>")
        self.put("wrong-and-long.json.gz", b"<html>" + b"no archive\n" * 100_000)
        self.files.append(RemoteFile("missing.json.gz", shelf.storage.link("missing.json.gz")))

    def put(self, name: str, data: bytes) -> None:
        self.shelf.storage.put(name, data)
        self.files.append(RemoteFile(name, self.shelf.storage.link(name)))

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("everything", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self) -> JobStatus:
        return JobStatus(JobState.READY)

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        return self.files

    @hookimpl
    def fetch_file(self, file: RemoteFile) -> Request:
        assert file.url is not None
        return Request(file.url)

    @hookimpl
    def check_file(self, file: RemoteFile, content: Content) -> list[str]:
        return ["it is refused"] if b"refused" in content.last and file.url else []


HOOKS = (
    Everything.get_status,
    Everything.resolve_files,
    Everything.fetch_file,
    Everything.check_file,
)


@pytest.mark.parametrize("durable", usual([True, False], True))
def test_two_consecutive_runs(tmp_path: Path, *, durable: bool) -> None:
    def stop_half_way(driver: Driver) -> None:
        if driver.engine.counters.bytes > 12 << 20:
            driver.interrupt()

    with Shelf() as shelf:
        plugin = Everything(shelf)
        provider = build(plugin, name="everything")
        with watched(*HOOKS) as found:
            one_job(provider, tmp_path, durable=durable, on_tick=stop_half_way).run()
            (result,) = one_job(provider, tmp_path, durable=durable, retries=1).run().jobs
            assert sorted(found()) == []
            one_job(provider, tmp_path, durable=durable, refresh=True, retries=0).run()
            assert sorted(found()) == []
    assert {note.file for note in result.failures} == {
        "refused.json.gz",
        "wrong.json.gz",
        "wrong-and-long.json.gz",
        "missing.json.gz",
    }
    assert result.files.verified == len(plugin.files) - 4


class Hanging(Everything):
    """A plugin whose check_file never returns for one kind of file."""

    def __init__(self, shelf: Shelf, hangs: str) -> None:
        super().__init__(shelf)
        self.hangs = hangs
        self.asked = threading.Event()

    @hookimpl
    def check_file(self, file: RemoteFile) -> list[str]:
        if file.name.startswith(self.hangs):
            self.asked.set()
            threading.Event().wait()
        return []


@pytest.mark.parametrize("hangs", usual(["inline", "in-memory", "in-a-part"], "in-memory"))
def test_a_stop_does_not_wait_for_a_plugin_that_hangs(tmp_path: Path, hangs: str) -> None:
    with Shelf() as shelf:
        plugin = Hanging(shelf, hangs)
        driver = one_job(build(plugin, name="everything"), tmp_path, retries=0)
        asked: list[float] = []

        def stop() -> None:
            plugin.asked.wait()
            asked.append(time.monotonic())
            driver.interrupt()

        threading.Thread(target=stop, daemon=True).start()
        (result,) = driver.run().jobs
        assert time.monotonic() - asked[0] < SOON
    assert {note.kind.value for note in result.failures if note.file is None} == {"interrupted"}

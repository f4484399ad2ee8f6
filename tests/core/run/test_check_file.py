"""check_file receives the same arguments, and decides, however the file arrived."""

import gzip
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.one_job import one_job
from tests.shelf import Shelf
from tests.usual import usual

from backhaul import (
    Content,
    JobOptions,
    Problem,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    hookimpl,
)
from backhaul.plugins.loading import build
from backhaul.run.result import JobResult
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.verifier import verify_small

RECORD = b'{"id": %d, "text": "%s"}\r\n\r\n'
SIZES = {"inline": 4, "in memory": 20, "in a part": 100, "in pieces": 1800}


class Checked:
    """A provider that records what check_file receives, and refuses files with fewer records."""

    def __init__(
        self, shelf: Shelf, *files: RemoteFile, least: int = 0, fatal: bool = True
    ) -> None:
        self.shelf = shelf
        self.files = files
        self.least = least
        self.fatal = fatal
        self.contents: dict[str, Content] = {}

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("checked", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        return self.files

    @hookimpl
    def check_file(self, file: RemoteFile, content: Content) -> Problem | None:
        self.contents[file.name] = content
        few = (content.records or 0) < self.least
        return Problem("few records", fatal=self.fatal) if few else None

    def fetch(self, dest: Path) -> JobResult:
        (result,) = one_job(build(self, name="checked"), dest, durable=False).run().jobs
        return result


def text(records: int, *, bad: bool) -> bytes:
    noise = random.Random(records).randbytes(5000).hex().encode()
    lines = [RECORD % (number, noise) for number in range(records)]
    if bad:
        lines.insert(records // 2, b"\0\0\0\r\n")
    return b"".join(lines) + b'{"footer": %d}\r\n' % records


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("way", usual(["plain", "resumed", "found"], "plain"))
def test_check_file_reports_the_same_for_plain_resumed_and_adopted_files(
    tmp_path: Path, way: str, *, bad: bool
) -> None:
    with Shelf() as shelf:
        bodies = {
            f"{name}.jsonl.gz".replace(" ", "-"): gzip.compress(text(count, bad=bad), 0)
            for name, count in SIZES.items()
        }
        files = []
        for name, body in bodies.items():
            shelf.storage.put(name, body)
            files.append(RemoteFile(name, shelf.storage.link(name), footer_lines=1))
        if way == "resumed":
            shelf.faults.replace("drop")
        plugin = Checked(shelf, *files)
        if way == "found":
            (tmp_path / "job").mkdir()
            for name, body in bodies.items():
                (tmp_path / "job" / name).write_bytes(body)
        result = plugin.fetch(tmp_path)
    assert result.files.verified == len(bodies), result.failures
    assert result.files.suspect == (len(bodies) if bad else 0)
    for file in files:
        content = plugin.contents[file.name]
        assert content == verify_small(
            bodies[file.name], "jsonl.gz", footer_lines=1, limits=ContentLimits()
        )
        assert content.last.startswith(b'{"footer": ')
        assert content.bad_records == bad


def test_a_file_found_on_disk_that_the_provider_refuses_is_fetched(tmp_path: Path) -> None:
    name = "a.jsonl.gz"
    path = tmp_path / "job" / name
    path.parent.mkdir()
    path.write_bytes(gzip.compress(text(3, bad=False)))
    with Shelf() as shelf:
        shelf.storage.put(name, body := gzip.compress(text(4, bad=False)))
        file = RemoteFile(name, shelf.storage.link(name), footer_lines=1)
        result = Checked(shelf, file, least=4).fetch(tmp_path)
    assert result.files.verified == 1, result.failures
    assert path.read_bytes() == body


@pytest.mark.parametrize("there", [True, False])
def test_a_remark_is_a_warning_also_for_a_file_found_on_disk(
    tmp_path: Path, *, there: bool
) -> None:
    name, body = "a.jsonl.gz", gzip.compress(text(3, bad=False))
    path = tmp_path / "job" / name
    path.parent.mkdir()
    if there:
        path.write_bytes(body)
    with Shelf() as shelf:
        shelf.storage.put(name, body)
        file = RemoteFile(name, shelf.storage.link(name), footer_lines=1)
        result = Checked(shelf, file, least=4, fatal=False).fetch(tmp_path)
    assert (result.files.verified, result.files.fetched) == (1, not there)
    assert result.warnings == (f"{name}: few records",)

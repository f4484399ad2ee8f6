"""Sidecars are correct after a kill and after a power failure."""

import gzip
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
from tests.core.transfer.at_once import AtOnce

from backhaul.config import Settings
from backhaul.storage.folder import JobFolder
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.binding import Binding, load
from backhaul.transfer.body import Body
from backhaul.transfer.coding import Decoder
from backhaul.transfer.handle import Handle
from backhaul.transfer.part import BLOCK, MARK, PartFile
from backhaul.transfer.queues import Queues
from backhaul.transfer.segmented_download import SegmentedDownload
from backhaul.transfer.segments import LARGE
from backhaul.transfer.unit import Transfer
from backhaul.types import Content, RemoteFile, Request
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier

URL = "http://127.0.0.1/x"


class Watched(JobFolder):
    """A folder that records how its sidecars were written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.synced: list[bool] = []

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        self.synced.append(sync)
        super().write_sidecar(name, data, sync=sync)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Watched]:
    opened = Watched(tmp_path)
    yield opened
    opened.close()


def part_of(
    folder: JobFolder,
    executor: ThreadPoolExecutor,
    *,
    durable: bool = True,
    verifier: type[Verifier] = Verifier,
) -> PartFile:
    return PartFile(
        folder,
        "x",
        executor=executor,
        verifier=lambda _: verifier("bytes", limits=ContentLimits()),
        mailbox=AtOnce(),
        backlog=Backlog(),
        durable=durable,
    )


def test_a_sidecar_is_replaced_atomically(folder: Watched, tmp_path: Path) -> None:
    folder.write_sidecar("below/x", b"old words")
    before = os.open(tmp_path / "below/x.part.json", os.O_RDONLY)
    try:
        folder.write_sidecar("below/x", b"new", sync=True)
        assert os.read(before, 100) == b"old words"  # not overwritten
    finally:
        os.close(before)
    assert folder.read_sidecar("below/x") == b"new"
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["x.part.json"]


def test_a_half_written_sidecar_is_removed(folder: Watched, tmp_path: Path) -> None:
    (tmp_path / "x.part.json.part").write_bytes(b"{")
    folder.drop_part("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durable", [True, False])
def test_marked_bytes_were_synced_before(folder: Watched, *, durable: bool) -> None:
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor, durable=durable)
        part.bind(Binding(etag='"a"', length=9, segments=True))
        part.write_at(3, [b"abc"], 3)
        part.suspend()
    found = load(folder.read_sidecar("x"))
    assert found is not None
    assert found[1] == [(3, 6, crc32(b"abc"))]
    assert folder.synced == [durable]


def test_nothing_is_marked_before_it_is_worth_it(folder: Watched) -> None:
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.bind(Binding(etag='"a"'))
        for _ in range(MARK // BLOCK):
            assert folder.synced == []
            part.append(bytes(BLOCK))
    assert folder.synced == [True]


def test_data_suspended_during_verification_is_marked_even_if_the_run_ends(
    folder: Watched,
) -> None:
    begun, ended = Event(), Event()

    class Slow(Verifier):
        def feed(self, data: bytes) -> None:
            super().feed(data)
            if len(data) == 1:
                begun.set()
                assert ended.wait(20)

    executor = ThreadPoolExecutor(1)
    part = part_of(folder, executor, verifier=Slow)
    part.bind(Binding(etag='"a"'))
    part.write_at(BLOCK, [b"x"], 1)
    part.write_at(0, [bytes(BLOCK)], BLOCK)
    assert begun.wait(20)
    part.suspend()
    executor.shutdown(wait=False)
    ended.set()
    executor.shutdown(wait=True)
    found = load(folder.read_sidecar("x"))
    assert found is not None
    assert found[1][-1][1] == BLOCK + 1


def test_a_file_that_cannot_be_resumed_is_not_marked(folder: Watched) -> None:
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.bind(Binding.of({"etag": 'W/"weak"'}, 9))
        part.append(b"beginning")
        part.suspend()
    assert folder.synced == []


def test_an_encoded_response_is_not_marked(folder: Watched, tmp_path: Path) -> None:
    file = RemoteFile("x", URL, content="bytes")
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.bind(Binding(etag='"of the coding"'))
        part.decode(Decoder(["gzip"], file, ContentLimits()))
        part.append(gzip.compress(b"what it holds"))
        part.suspend()
    assert (tmp_path / "x.part").read_bytes() == b"what it holds"
    assert folder.synced == []


def test_after_a_restart_nothing_of_the_old_content_is_marked(folder: Watched) -> None:
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.bind(Binding(etag='"a"'))
        part.append(b"the old content")
        part.restart()
        part.bind(Binding(etag='"b"'))
        part.append(b"new")
        part.suspend()
    found = load(folder.read_sidecar("x"))
    assert found == (Binding(etag='"b"'), [(0, 3, crc32(b"new"))])


@pytest.mark.parametrize("spoilt", [None, 0, 200, 350, 999])
def test_a_resume_compares_what_it_finds_with_the_marks(
    folder: Watched, spoilt: int | None
) -> None:
    data = random.Random(1).randbytes(1000)
    binding = Binding(etag='"a"', length=1000, segments=True)
    done: SimpleQueue[Content | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.bind(binding)
        for start, end in ((0, 100), (300, 600), (900, 1000), (100, 250)):  # read up to 250
            part.write_at(start, [data[start:end]], end - start)
        part.suspend()
        executor.submit(lambda: None).result()
        found = load(folder.read_sidecar("x"))
        assert found is not None
        if spoilt is not None:
            fd = folder.open_part("x")
            os.pwrite(fd, bytes([data[spoilt] ^ 1]), spoilt)
            os.close(fd)
        part = part_of(folder, executor)
        part.resume(*found)
        for start, end in ((600, 900), (250, 300)):
            part.write_at(start, [data[start:end]], end - start)
        part.finish(done.put)
        content = done.get(timeout=10)
        part.close()
    assert (content is not None) == (spoilt is None)
    if content is not None:
        assert content.sha256 == sha256(data).hexdigest()
    else:
        assert isinstance(part.error, VerifyFault)


def test_data_beyond_the_marks_is_cut_off(folder: Watched, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        (tmp_path / "x.part").write_bytes(b"beginning and whatever")
        part = part_of(folder, executor)
        part.resume(Binding(etag='"a"'), [(0, 9, crc32(b"beginning"))])
        assert part.size == 9
    assert (tmp_path / "x.part").read_bytes() == b"beginning"


def test_holes_in_a_segmented_file_never_count_as_received(folder: Watched) -> None:
    with ThreadPoolExecutor(1) as executor:
        body = Body(Transfer("job", RemoteFile("x", URL), Request(URL)))
        body.accept(200, {"etag": '"a"', "content-length": str(LARGE)})
        body.part = part_of(folder, executor)
        body.part.append(b"beginning")
        body.size = 9
        handle = Handle(
            lambda *_: None, settings=Settings(), agent="", buffer=1 << 14, authorities=""
        )
        handle.headers[:] = [b"HTTP/1.1 200 OK\r\n", b"Accept-Ranges: bytes\r\n"]
        shared: Any = SimpleNamespace(
            queues=Queues(per_host=1, remembered={}),
            counters=None,
            backlog=None,
            rate=None,
            connections=None,
        )
        desk = SegmentedDownload(shared, retries=0, whole=lambda _: None, failed=lambda *_: None)
        desk.split_if_large(handle, body)
        body.part.write_at(LARGE // 2, [b"far away"], 8)
        body.part.suspend()
        handle.curl.close()
    # If killed here, the part is long and mostly holes.
    found = load(folder.read_sidecar("x"))
    assert found is not None
    assert found[0].segments
    assert [span[:2] for span in found[1]] == [(0, 9), (LARGE // 2, LARGE // 2 + 8)]

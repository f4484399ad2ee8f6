"""What a sidecar says is so, after a kill and after a power cut."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backhaul.storage.folder import JobFolder
from backhaul.transfer.body import Body
from backhaul.transfer.handle import Handle
from backhaul.transfer.part import Backlog, Binding, PartFile
from backhaul.transfer.patience import Patience
from backhaul.transfer.pending import Pending
from backhaul.transfer.pieces import LARGE
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.split_desk import SplitDesk
from backhaul.transfer.unit import Counters, Transfer
from backhaul.types import RemoteFile, Request
from backhaul.verify.verifier import Limits, Verifier

URL = "http://127.0.0.1/x"


class Watched(JobFolder):
    """A folder that writes down how its sidecars were written."""

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


def part_of(folder: JobFolder, executor: ThreadPoolExecutor, *, durable: bool = True) -> PartFile:
    return PartFile(
        folder,
        "x",
        executor=executor,
        verifier=lambda: Verifier("bytes", limits=Limits()),
        post=lambda function: function(),
        backlog=Backlog(),
        durable=durable,
    )


def test_a_sidecar_is_replaced_in_one_go(folder: Watched, tmp_path: Path) -> None:
    folder.write_sidecar("below/x", b"old words")
    before = os.open(tmp_path / "below/x.part.json", os.O_RDONLY)
    try:
        folder.write_sidecar("below/x", b"new", sync=True)
        assert os.read(before, 100) == b"old words"  # not written over
    finally:
        os.close(before)
    assert folder.read_sidecar("below/x") == b"new"
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["x.part.json"]


def test_a_sidecar_that_was_cut_off_in_mid_write_is_cleared_away(
    folder: Watched, tmp_path: Path
) -> None:
    (tmp_path / "x.part.json.part").write_bytes(b"{")
    folder.drop_part("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durable", [True, False])
def test_spans_are_claimed_only_when_they_are_safe(folder: Watched, *, durable: bool) -> None:
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor, durable=durable)
        part.bind(Binding(etag='"a"', length=9))  # claims nothing
        part.write_at(3, [b"abc"], 3)
        part.bind(Binding(etag='"a"', length=9, done=((3, 6),)))
        part.restart()
        part.bind(Binding(etag='"b"', length=9))  # the old claim must not come back
        part.bind(Binding(etag='"b"', length=9))
        part.suspend()
    assert folder.synced == [False, durable, durable, False]


def test_a_file_in_pieces_never_counts_its_holes_as_here(folder: Watched) -> None:
    with ThreadPoolExecutor(1) as executor:
        body = Body(Transfer("job", RemoteFile("x", URL), Request(URL)))
        body.accept(200, {"etag": '"a"', "content-length": str(LARGE)})
        body.part = part_of(folder, executor)
        body.part.append(b"beginning")
        body.size = 9
        handle = Handle(
            lambda *_: None, patience=Patience(), agent="", buffer=1 << 14, authorities=""
        )
        handle.headers[:] = [b"HTTP/1.1 200 OK\r\n", b"Accept-Ranges: bytes\r\n"]
        desk = SplitDesk(
            Pending(per_host=1, remembered=lambda _: None),
            Counters(),
            Backlog(),
            RateLimit(None),
            launch=lambda *_: None,
            abort=lambda _: None,
            whole=lambda _: None,
            failed=lambda *_: None,
        )
        desk.consider(handle, body)
        body.part.write_at(LARGE // 2, [b"far away"], 8)
        body.part.suspend()
        handle.curl.close()
    # Killed here, the part is long and mostly holes.
    found = Binding.load(folder.read_sidecar("x"))
    assert found is not None
    assert found.done == ()

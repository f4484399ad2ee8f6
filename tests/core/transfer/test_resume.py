"""Resuming from careless, wrong or slow servers, over real sockets."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import Asked, reply, scripted

from backhaul.errors import FailureKind
from backhaul.transfer.segments import LARGE, WORTH

OLD = Random(1).randbytes(800_000)
NEW = Random(2).randbytes(800_000)
HALF = len(OLD) // 2
SIZE = len(OLD)
ETAG = 'ETag: "one"'


def rest(asked: Asked, *headers: str, start: int | None = None, total: str = str(SIZE)) -> bytes:
    """The rest of the new content, as a range."""
    at = asked.offset if start is None else start
    assert at is not None
    return reply(
        NEW[at:], f"Content-Range: bytes {at}-{SIZE - 1}/{total}", *headers, status="206 Part"
    )


MISFITS: dict[str, Callable[[Asked], bytes]] = {
    "no ETag": rest,
    "another ETag": lambda asked: rest(asked, 'ETag: "two"'),
    "a weak ETag": lambda asked: rest(asked, 'ETag: W/"one"'),
    "earlier bytes": lambda asked: rest(asked, ETAG, start=HALF - 1),
    "later bytes": lambda asked: rest(asked, ETAG, start=HALF + 1),
    "another length": lambda asked: rest(asked, ETAG, total=str(SIZE + 1)),
    "no range": lambda _: reply(NEW[HALF:], ETAG, status="206 Part"),
    "more than its range": lambda _: reply(
        NEW[HALF:], f"Content-Range: bytes {HALF}-{SIZE - 9}/{SIZE}", ETAG, status="206 Part"
    ),
    "several ranges": lambda asked: rest(
        asked, ETAG, "Content-Type: multipart/byteranges; boundary=x"
    ),
}


@pytest.mark.parametrize("which", MISFITS)
def test_a_mismatched_range_starts_over_at_once_and_for_good(which: str, tmp_path: Path) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.offset is not None:
            return MISFITS[which](asked)
        return reply(OLD[:HALF], ETAG, length=SIZE) if asked.number == 0 else reply(NEW, ETAG)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert found.failures == {}
    assert (tmp_path / "job" / "a.part").read_bytes() == NEW
    assert [asked.offset for asked in server.asked] == [None, HALF, None]


def test_after_a_mismatched_range_no_other_is_requested(tmp_path: Path) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.offset is not None:
            return rest(asked)
        return reply(NEW, ETAG) if asked.number == 3 else reply(OLD[:HALF], ETAG, length=SIZE)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=3)
    assert found.failures == {}
    assert [asked.offset for asked in server.asked] == [None, HALF, None, None]


@pytest.mark.parametrize("part", ["", "bytes 0-9/20", "bytes 5-14/15", "bytes 0-9/*"])
def test_partial_content_is_not_accepted_for_a_plain_request(part: str, tmp_path: Path) -> None:
    headers = [f"Content-Range: {part}"] if part else []
    forged = b"\x1b[31m\r\n red"
    with scripted(lambda _: reply(forged, *headers, status="206 Partial")) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    failure = found.failures["a"]
    assert failure.kind is FailureKind.NOT_DATA
    assert "206" in failure.message
    assert failure.message.isprintable()
    assert len(server.asked) == 2


def test_a_part_that_is_all_of_the_file_is_the_file(tmp_path: Path) -> None:
    def answer(_: Asked) -> bytes:
        return reply(b"whole", "Content-Range: bytes 0-4/5", status="206 Partial")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert found.data == {"a": b"whole"}


@pytest.mark.parametrize(("size", "retries"), [(SIZE, 1), (LARGE + 3_000_000, 0)])
def test_a_server_that_sends_a_byte_at_a_time_is_soon_given_up(
    size: int, retries: int, tmp_path: Path
) -> None:
    def answer(asked: Asked) -> bytes:
        at = asked.offset
        if at is None:
            return reply(bytes(size // 2), ETAG, "Accept-Ranges: bytes", length=size)
        return reply(b"x", f"Content-Range: bytes {at}-{at}/{size}", ETAG, status="206 Part")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=retries)
    assert found.failures["a"].kind is FailureKind.TRUNCATED
    assert len(server.asked) < 12


def test_lost_and_refetched_bytes_are_not_progress(tmp_path: Path) -> None:
    """The first half arrives each time, followed by part of something else."""

    def answer(asked: Asked) -> bytes:
        if asked.offset is not None:
            return reply(b"", status="416 No")
        return reply(OLD[:HALF], ETAG, length=SIZE)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=2)
    assert found.failures["a"].kind in {FailureKind.TRUNCATED, FailureKind.CHANGED}
    assert len(server.asked) < 6


def test_a_file_that_arrives_bit_by_bit_is_fetched(tmp_path: Path) -> None:
    step = 2 * WORTH

    def answer(asked: Asked) -> bytes:
        at = asked.offset or 0
        if asked.offset is None:
            return reply(OLD[:step], ETAG, length=SIZE)
        end = min(at + step, SIZE)
        part = f"Content-Range: bytes {at}-{SIZE - 1}/{SIZE}"
        return reply(OLD[at:end], part, ETAG, status="206 Part", length=SIZE - at)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert found.failures == {}
    assert (tmp_path / "job" / "a.part").read_bytes() == OLD


PIECES: dict[str, Callable[[bytes, Asked], bytes]] = {
    "the whole": lambda data, _: reply(data, ETAG),
    "a coding's": lambda data, asked: segment(data, asked, "Content-Encoding: gzip"),
    "another file's": lambda data, asked: segment(data, asked).replace(b"one", b"two"),
}


def segment(data: bytes, asked: Asked, *headers: str) -> bytes:
    """The requested range, with damage that shows if it is used."""
    start, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
    size = int(last) + 1 - int(start)
    part = f"Content-Range: bytes {start}-{last}/{len(data)}"
    return reply(bytes(size), part, ETAG, *headers, status="206 Part")


@pytest.mark.parametrize("which", PIECES)
def test_a_large_file_from_a_server_without_ranges_arrives_in_one_piece(
    which: str, tmp_path: Path
) -> None:
    data = Random(3).randbytes(LARGE + 1_000_000)
    whole = reply(data, ETAG, "Accept-Ranges: bytes")

    def answer(asked: Asked) -> bytes:
        if asked.offset is not None:
            return PIECES[which](data, asked)
        return whole if asked.number else whole[: 2 << 20]

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=0)
    assert found.failures == {}
    assert (tmp_path / "job" / "a.part").read_bytes() == data


def test_a_part_that_ends_before_its_range_does_is_never_the_end(tmp_path: Path) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.offset is None:
            chunk = b"%x\r\n%s\r\n" % (HALF, OLD[:HALF])
            head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{ETAG}\r\n\r\n"
            return head.encode() + chunk
        part = f"Content-Range: bytes {HALF}-{SIZE - 1}/*"
        return reply(OLD[HALF : HALF + 9], part, ETAG, status="206 Part", length=-1)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1, unproven=True)
    assert found.failures["a"].kind is FailureKind.TRUNCATED

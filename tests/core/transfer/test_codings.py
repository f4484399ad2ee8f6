"""Responses with an unrequested Content-Encoding: the file is stored, never its encoding."""

import gzip
import zlib
from pathlib import Path
from random import Random

import pytest
from tests.core.transfer.collecting import Collected, fetch
from tests.core.transfer.scripted import Asked, reply, scripted
from tests.shelf import large_archive

from backhaul.errors import FailureKind
from backhaul.transfer.head import Head
from backhaul.transfer.segments import LARGE
from backhaul.types import Proof

LINES = b'{"id": 1}\n{"id": 2}\n'
PACKED = gzip.compress(LINES, mtime=0)
TWICE = gzip.compress(PACKED, mtime=0)
NOISE = Random(1).randbytes(600_000)
BARE = zlib.compressobj(wbits=-15)
DEFLATED = BARE.compress(LINES) + BARE.flush()


def label(*names: str) -> list[str]:
    return [f"Content-Encoding: {name}" for name in names]


def stored(folder: Path, found: Collected, name: str) -> bytes | None:
    data = found.data.get(name)
    path = folder / "job" / f"{name}.part"
    return path.read_bytes() if data is None and path.exists() else data


CASES: dict[str, tuple[str, bytes, list[str], bytes]] = {
    "text": ("jsonl", PACKED, label("gzip"), LINES),
    "a document": ("json", gzip.compress(b"[1]"), label("gzip"), b"[1]"),
    "bytes": ("bytes", gzip.compress(NOISE), label("gzip"), NOISE),
    "an old spelling": ("jsonl", PACKED, label("x-gzip"), LINES),
    "upper case": ("jsonl", PACKED, ["CONTENT-ENCODING: GZIP"], LINES),
    "two codings": ("jsonl", TWICE, label("gzip, gzip"), LINES),
    "two codings in two headers": ("jsonl", TWICE, label("gzip", "gzip"), LINES),
    "deflate": ("jsonl", zlib.compress(LINES), label("deflate"), LINES),
    "bare deflate": ("jsonl", DEFLATED, label("deflate"), LINES),
    "deflate, then gzip": (
        "jsonl", gzip.compress(zlib.compress(LINES)), label("deflate, gzip"), LINES,
    ),
    "deflate over gzip": ("jsonl.gz", zlib.compress(PACKED), label("deflate"), PACKED),
    "no coding": ("jsonl", LINES, label("identity"), LINES),
    "none": ("jsonl", LINES, label("none"), LINES),
    "nothing": ("jsonl", LINES, label(""), LINES),
    "what an upload left": ("jsonl.gz", PACKED, label("aws-chunked"), PACKED),
    "a stored gzip": ("jsonl.gz", PACKED, label("gzip"), PACKED),
    "any stored gzip": ("gz", PACKED, label("gzip"), PACKED),
    "a stored gzip, coded": ("jsonl.gz", TWICE, label("gzip"), PACKED),
    "a labelled gzip, coded": ("jsonl.gz", TWICE, label("gzip, gzip"), PACKED),
    "a large file": ("gz", gzip.compress(large_archive(1, 900_000)), label("gzip"), large_archive(1, 900_000)),
    "an empty file": ("bytes", b"", label("gzip"), b""),
}  # fmt: skip


@pytest.mark.parametrize("which", CASES)
def test_the_kept_body_is_the_file(which: str, tmp_path: Path) -> None:
    content, body, headers, wanted = CASES[which]
    with scripted(lambda _: reply(body, *headers)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, content=content)
    assert found.failures == {}
    assert stored(tmp_path, found, "a") == wanted
    assert found.proofs["a"] & Proof.LENGTH


def test_a_file_that_is_gzip_by_its_name_is_kept_as_it_is_labelled(tmp_path: Path) -> None:
    with scripted(lambda _: reply(PACKED, *label("gzip"))) as server:
        urls = {"a.gz": f"{server.url}/a", "a.bin": f"{server.url}/a"}
        found = fetch(tmp_path / "job", urls)
    assert stored(tmp_path, found, "a.gz") == PACKED
    assert stored(tmp_path, found, "a.bin") == LINES


def test_a_listed_size_distinguishes_gzip_in_gzip_from_a_coding(tmp_path: Path) -> None:
    with scripted(lambda _: reply(TWICE, *label("gzip"))) as server:
        for size, wanted in ((len(TWICE), TWICE), (len(PACKED), PACKED)):
            folder = tmp_path / str(size)
            urls = {"a": f"{server.url}/a"}
            found = fetch(folder / "job", urls, content="gz", listed={"size": size})
            assert found.failures == {}
            assert stored(folder, found, "a") == wanted


REFUSED: dict[str, tuple[str, bytes, str, FailureKind]] = {
    "brotli": ("jsonl", b"\x0b\x02\x80abc\x03", "br", FailureKind.NOT_DATA),
    "zstd": ("bytes", b"\x28\xb5\x2f\xfd", "zstd", FailureKind.NOT_DATA),
    "one unknown of two": ("jsonl", PACKED, "br, gzip", FailureKind.NOT_DATA),
    "a page that is said to be gzip": ("jsonl", b"<html>", "gzip", FailureKind.NOT_DATA),
    "a page in gzip": ("jsonl.gz", gzip.compress(b"<html>"), "gzip", FailureKind.NOT_DATA),
    "text that is said to be gzip": ("bytes", LINES, "gzip", FailureKind.NOT_DATA),
    "half of the coding": ("jsonl", PACKED[:-9], "gzip", FailureKind.TRUNCATED),
    "half of a deflate": ("jsonl", zlib.compress(LINES)[:-7], "deflate", FailureKind.TRUNCATED),
    "damage": ("bytes", gzip.compress(NOISE)[:-8] + bytes(8), "gzip", FailureKind.CORRUPT),
    "more behind it": ("bytes", zlib.compress(LINES) + b"x", "deflate", FailureKind.CORRUPT),
    "one byte": ("bytes", b"x", "deflate", FailureKind.TRUNCATED),
    "a bomb": ("bytes", gzip.compress(bytes(9 << 20)), "gzip", FailureKind.CORRUPT),
    "a deflated bomb": ("bytes", zlib.compress(bytes(9 << 20)), "deflate", FailureKind.CORRUPT),
}


@pytest.mark.parametrize("which", REFUSED)
def test_undecodable_data_is_refused(which: str, tmp_path: Path) -> None:
    content, body, name, kind = REFUSED[which]
    with scripted(lambda _: reply(body, *label(name))) as server:
        found = fetch(
            tmp_path / "job", {"a": f"{server.url}/a"}, content=content, max_inflated_size=8 << 20
        )
    assert found.failures["a"].kind is kind
    assert found.data == {}
    assert not list((tmp_path / "job").glob("*"))


def test_an_unknown_coding_is_named_on_one_printable_line(tmp_path: Path) -> None:
    with scripted(lambda _: reply(LINES, "Content-Encoding: br\x1b[31m")) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert "br" in found.failures["a"].message
    assert found.failures["a"].message.isprintable()


def test_an_interrupted_encoded_response_starts_over(tmp_path: Path) -> None:
    coded = gzip.compress(NOISE)

    def answer(asked: Asked) -> bytes:
        whole = reply(coded, 'ETag: "a"', "Accept-Ranges: bytes", *label("gzip"))
        return whole[: len(whole) // 2] if asked.number == 0 else whole

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert stored(tmp_path, found, "a") == NOISE
    assert [asked.offset for asked in server.asked] == [None, None]


def test_after_a_coded_answer_a_plain_one_is_the_file(tmp_path: Path) -> None:
    coded = gzip.compress(NOISE)

    def answer(asked: Asked) -> bytes:
        if asked.number == 0:
            return reply(coded, *label("gzip"))[:-9]
        return reply(NOISE)

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert stored(tmp_path, found, "a") == NOISE


@pytest.mark.parametrize("labelled", [True, False])
def test_a_range_of_encoded_data_is_not_a_range_of_the_file(
    tmp_path: Path, *, labelled: bool
) -> None:
    """For labelled gzip it is one, whether or not the label is repeated."""
    data, half = large_archive(2, 900_000), 400_000
    name = "a.gz" if labelled else "a.bin"

    def answer(asked: Asked) -> bytes:
        if asked.offset is None:
            headers = label("gzip") if labelled else []
            body = data if asked.number else data[:half]
            return reply(body, 'ETag: "a"', *headers, length=len(data))
        part = f"Content-Range: bytes {half}-{len(data) - 1}/{len(data)}"
        return reply(data[half:], part, 'ETag: "a"', *label("gzip"), status="206 Part")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {name: f"{server.url}/a"}, retries=1)
    assert stored(tmp_path, found, name) == data
    assert [asked.offset for asked in server.asked] == [None, half] + [None] * (not labelled)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_very_large_file_arrives_in_pieces_only_when_its_bytes_are_the_file(
    tmp_path: Path, *, labelled: bool
) -> None:
    data = large_archive(3, LARGE + 1_000_000)
    body = data if labelled else gzip.compress(data, 1)

    def answer(asked: Asked) -> bytes:
        headers = ['ETag: "a"', "Accept-Ranges: bytes", *label("gzip")]
        if asked.offset is None:
            return reply(body, *headers)
        start, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        part = f"Content-Range: bytes {start}-{last}/{len(body)}"
        return reply(body[int(start) : int(last) + 1], part, *headers, status="206 Part")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, content="gz")
    assert found.failures == {}
    assert stored(tmp_path, found, "a") == data
    assert (len(server.asked) > 1) is labelled


def test_the_end_of_a_coding_proves_the_end_of_the_file(tmp_path: Path) -> None:
    with scripted(lambda _: reply(PACKED, *label("gzip"), length=-1)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert found.proofs == {"a": Proof.CONTAINER}


def test_the_last_of_repeated_headers_counts_but_codings_accumulate() -> None:
    lines = [b"HTTP/1.1 200 OK\r\n", b"ETag: 1\r\n", b"ETag: 2\r\n", b"Content-Encoding: a\r\n"]
    head = Head.parse([*lines, b"content-encoding: b\r\n"])
    assert head.headers == {"etag": "2", "content-encoding": "a, b"}

"""What proves that a file is whole, and what happens if nothing does."""

import gzip
import hashlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import Asked, reply, scripted

from backhaul.errors import FailureKind
from backhaul.types import Proof

LINES = b'{"id": 1}\n{"id": 2}\n'
PACKED = gzip.compress(LINES, mtime=0)
LARGE = Random(1).randbytes(700_000)


def chunked(data: bytes, *, whole: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n" % (len(data), data) + (b"0\r\n\r\n" if whole else b"")


def until_close(data: bytes) -> bytes:
    return reply(data, length=-1).replace(b"HTTP/1.1", b"HTTP/1.0")


CASES: dict[str, tuple[bytes, str, dict[str, Any], Proof]] = {
    "a length": (reply(LINES), "bytes", {}, Proof.LENGTH),
    "chunks": (chunked(LINES), "bytes", {}, Proof.LENGTH),
    "a large file's chunks": (chunked(LARGE), "bytes", {}, Proof.LENGTH),
    "a length of zero": (reply(b""), "bytes", {}, Proof.LENGTH),
    "a range": (
        reply(LARGE, f"Content-Range: bytes 0-{len(LARGE) - 1}/{len(LARGE)}", status="206 P", length=-1),
        "bytes",
        {},
        Proof.LENGTH,
    ),
    "gzip": (until_close(PACKED), "gz", {}, Proof.CONTAINER),
    "gzip of records": (until_close(PACKED), "jsonl.gz", {}, Proof.CONTAINER | Proof.RECORDS),
    "a document": (until_close(b"[1, 2]"), "json", {}, Proof.CONTAINER),
    "a listed size": (until_close(LINES), "bytes", {"size": len(LINES)}, Proof.LISTED_SIZE),
    "a large file's size": (until_close(LARGE), "bytes", {"size": len(LARGE)}, Proof.LISTED_SIZE),
    "a count": (until_close(LINES), "jsonl", {"records": 2}, Proof.COUNT | Proof.RECORDS),
    "a checksum": (
        until_close(LINES),
        "bytes",
        {"checksum": f"sha256:{hashlib.sha256(LINES).hexdigest()}"},
        Proof.CHECKSUM,
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", CASES)
def test_a_file_is_proven_by_any_evidence_of_its_end(which: str, tmp_path: Path) -> None:
    answer, content, listed, proof = CASES[which]
    with scripted(lambda _: answer) as server:
        urls = {"a": f"{server.url}/a"}
        found = fetch(tmp_path / "job", urls, content=content, listed=listed)
    assert found.failures == {}
    assert found.proofs == {"a": proof}


UNPROVEN = {
    "bytes": (LINES, "bytes", {}, Proof.NONE),
    "nothing at all": (b"", "bytes", {}, Proof.NONE),
    "records, which may be the first of many": (LINES, "jsonl", {}, Proof.RECORDS),
    "another count": (LINES, "jsonl", {"records": 3}, Proof.RECORDS),
    "a footer that is not checked": (LINES, "jsonl", {"footer_lines": 1}, Proof.RECORDS),
    "a number, which may continue": (b"12", "json", {}, Proof.NONE),
    "a large file": (LARGE, "bytes", {}, Proof.NONE),
}


@pytest.mark.parametrize("which", UNPROVEN)
def test_a_body_that_ends_with_the_connection_needs_other_proof(which: str, tmp_path: Path) -> None:
    data, content, listed, proof = UNPROVEN[which]
    with scripted(lambda _: until_close(data)) as server:
        urls = {"a": f"{server.url}/a"}
        refused = fetch(tmp_path / "job", urls, content=content, listed=listed, retries=3)
        asked = len(server.asked)
        taken = fetch(tmp_path / "job", urls, content=content, listed=listed, unproven=True)
    assert refused.failures["a"].kind is FailureKind.TRUNCATED
    assert asked == 1, "the next answer would show no more"
    assert not list((tmp_path / "job").glob("*.json"))
    assert taken.proofs == {"a": proof}


def test_a_chunked_body_without_its_last_chunk_is_not_a_file(tmp_path: Path) -> None:
    with scripted(lambda _: chunked(LINES, whole=False)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, unproven=True)
    assert found.failures["a"].kind is FailureKind.TRUNCATED


@pytest.mark.parametrize("total", [str(len(LARGE)), "*"])
def test_a_resumed_file_has_proof_of_length_if_the_server_states_it(
    total: str, tmp_path: Path
) -> None:
    half = len(LARGE) // 2

    def answer(asked: Asked) -> bytes:
        if asked.offset is None:
            return chunked(LARGE[:half], whole=False).replace(b"\r\n", b'\r\nETag: "a"\r\n', 1)
        return reply(
            LARGE[half:],
            f"Content-Range: bytes {half}-{len(LARGE) - 1}/{total}",
            'ETag: "a"',
            status="206 Part",
        )

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert found.proofs == ({} if total == "*" else {"a": Proof.LENGTH})

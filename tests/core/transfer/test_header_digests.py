"""Digests in a response's headers prove the file, or show that it is corrupt."""

import gzip
import hashlib
import logging
import time
from base64 import b64encode
from pathlib import Path
from random import Random

import pytest
from tests.core.transfer.collecting import Collected, fetch
from tests.core.transfer.scripted import Asked, reply, scripted

from backhaul.errors import FailureKind
from backhaul.storage.workspace import PART
from backhaul.transfer.binding import Binding, dump, load
from backhaul.transfer.header_digests import header_digest
from backhaul.transfer.segments import LARGE as SEGMENTED
from backhaul.transfer.unit import Transfer
from backhaul.types import Proof, RemoteFile, Request

SMALL = b'{"id": 1}\n{"id": 2}\n'
LARGE = Random(1).randbytes(900_000)
HALF = len(LARGE) // 2
PACKED = gzip.compress(SMALL, mtime=0)
ETAG = 'ETag: "one"'


def digest(kind: str, data: bytes) -> str:
    if kind == "crc32c":
        library = pytest.importorskip("google_crc32c", reason="the extra crc32c")
        return b64encode(library.Checksum(data).digest()).decode()
    return b64encode(hashlib.new(kind, data, usedforsecurity=False).digest()).decode()


HEADERS = {
    "Repr-Digest: sha-256=:{}:": "sha256",
    "repr-digest: adler=:AAAA:, sha-512=:{}:;p=1": "sha512",
    "Repr-Digest: md5=:{}:": "md5",
    "Repr-Digest: sha=:{}:": "sha1",
    "Repr-Digest: adler=:AAAA:\r\nRepr-Digest: sha=:{}:": "sha1",
    "x-goog-hash: crc32c={}": "crc32c",
    "X-Goog-Hash: crc32c=AAAA,md5={}": "md5",
    "x-goog-hash: crc32c={}\r\nx-goog-hash: md5=AAAA": "crc32c",
    "x-goog-stored-content-encoding: identity\r\nx-goog-hash: md5={}": "md5",
    "x-amz-checksum-sha256: {}": "sha256",
    "x-amz-checksum-sha1: {}\r\nx-amz-checksum-type: FULL_OBJECT": "sha1",
    "x-amz-checksum-crc32c: {}": "crc32c",
    "Digest: SHA-256={}": "sha256",
    "Digest: UNIXsum=30637,MD5={}": "md5",
    "digest: SHA=AAAA\r\nDigest: sha-512={}": "sha512",
    "CONTENT-MD5:{}": "md5",
}


@pytest.mark.parametrize("data", [SMALL, LARGE, b""], ids=["small", "large", "empty"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_digest_in_a_header_proves_the_file_or_refutes_it(
    header: str, data: bytes, tmp_path: Path
) -> None:
    kind = HEADERS[header]

    def answer(asked: Asked) -> bytes:
        of = data if asked.path == "/good" else b"other"
        return reply(data, header.format(digest(kind, of)))

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {n: f"{server.url}/{n}" for n in ("good", "bad")})

    assert found.proofs == {"good": Proof.CHECKSUM | Proof.LENGTH}
    assert found.failures["bad"].kind is FailureKind.CORRUPT
    assert f"{kind} is" in found.failures["bad"].message
    assert found.failures["bad"].rejected


def test_a_digest_proves_the_end_of_a_response_that_does_not(tmp_path: Path) -> None:
    header = f"Repr-Digest: sha-256=:{digest('sha256', SMALL)}:"
    with scripted(lambda _: reply(SMALL, header, length=-1)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert found.proofs == {"a": Proof.CHECKSUM}


OTHER = hashlib.sha256(b"other").digest()
IGNORED = {
    "of one response": f"Content-Digest: sha-256=:{b64encode(OTHER).decode()}:",
    "an ETag, though it looks like one": f'ETag: "{hashlib.md5(b"other").hexdigest()}"',
    "unknown": "Repr-Digest: id-sha-256=:AAAA:, unixsum=:AAAA:",
    "no base64": f"Repr-Digest: sha-256=:{'!' * 44}:",
    "hexadecimal": f"Content-MD5: {hashlib.md5(b'other').hexdigest()}",
    "of another length": f"Repr-Digest: sha-512=:{b64encode(OTHER).decode()}:",
    "no byte sequence": f"Repr-Digest: sha-256={b64encode(OTHER).decode()}",
    "half a byte sequence": f"Repr-Digest: sha-256=:{b64encode(OTHER).decode()}",
    "only a colon": "Repr-Digest: sha-256=:",
    "empty": "Repr-Digest: ,,=\r\nDigest:\r\nx-goog-hash: md5\r\nContent-MD5:",
    "not ASCII": "x-goog-hash: md5=\xe4\xf6\xfc",
    "of the parts' checksums": f"x-amz-checksum-sha256: {b64encode(OTHER).decode()}-3",
    "of the parts' checksums, which only the type says": (
        f"x-amz-checksum-sha256: {b64encode(OTHER).decode()}\r\nx-amz-checksum-type: COMPOSITE"
    ),
    "of what was stored compressed and is sent decompressed": (
        f"x-goog-hash: md5={b64encode(OTHER[:16]).decode()}\r\nx-goog-stored-content-encoding: gzip"
    ),
}


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("which", IGNORED)
def test_a_value_that_is_not_a_digest_of_the_file_is_ignored(
    which: str, data: bytes, tmp_path: Path
) -> None:
    with scripted(lambda _: reply(data, IGNORED[which])) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert found.failures == {}
    assert found.proofs == {"a": Proof.LENGTH}


def test_the_log_names_what_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="backhaul")
    assert header_digest({"repr-digest": "adler=:AAAA:, sha-256=:AAA:"}) is None
    assert "repr-digest is ignored: unknown algorithm adler" in caplog.text
    assert "repr-digest is ignored: malformed sha256 AAA" in caplog.text


def test_without_its_package_crc32c_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    md5 = digest("md5", SMALL)
    headers = {"x-goog-hash": f"crc32c={digest('crc32c', SMALL)},md5={md5}"}
    assert (header_digest(headers) or "").startswith("md5:")
    del headers["x-goog-hash"]
    headers["x-amz-checksum-crc32c"] = digest("crc32c", SMALL)
    assert (header_digest(headers) or "").startswith("crc32c:")
    monkeypatch.setattr("backhaul.verify.digest._has_crc32c", lambda: False)
    assert header_digest(headers) is None


def test_the_strongest_of_several_counts(tmp_path: Path) -> None:
    wrong, right = digest("md5", b"other"), digest("sha256", SMALL)
    headers = [f"Content-MD5: {wrong}", f"Digest: md5={wrong},sha-256={right}"]
    with scripted(lambda _: reply(SMALL, *headers)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert found.proofs["a"] & Proof.CHECKSUM


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_listed_checksum_counts_instead(data: bytes, tmp_path: Path) -> None:
    header = f"Repr-Digest: sha-256=:{digest('sha256', b'other')}:"
    for listed, good in ((data, True), (b"other", False)):
        checksum = f"sha256:{hashlib.sha256(listed).hexdigest()}"
        with scripted(lambda _: reply(data, header)) as server:
            urls = {"a": f"{server.url}/a"}
            found = fetch(tmp_path / f"{good}", urls, listed={"checksum": checksum})
        assert bool(found.proofs) is good


CODED = gzip.compress(PACKED, mtime=0)


@pytest.mark.parametrize(
    ("content", "body", "of", "proven"),
    [
        ("jsonl", PACKED, PACKED, False),  # the coding is removed: a digest of other bytes
        ("jsonl.gz", CODED, CODED, False),
        ("jsonl.gz", PACKED, PACKED, True),  # just a label: the bytes sent are the file
        ("jsonl.gz", PACKED, b"other", None),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_with_a_content_coding_it_proves_only_the_bytes_sent(
    content: str, body: bytes, of: bytes, *, proven: bool | None, stored: bool, tmp_path: Path
) -> None:
    headers = ["Content-Encoding: gzip", f"Repr-Digest: sha-256=:{digest('sha256', of)}:"]
    if stored:
        hashed = f"x-goog-hash: md5={digest('md5', of)}"
        headers[1:] = [hashed, "x-goog-stored-content-encoding: gzip"]
    with scripted(lambda _: reply(body, *headers)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, content=content)
    if proven is None:
        assert found.failures["a"].kind is FailureKind.CORRUPT
    else:
        assert found.failures == {}
        assert bool(found.proofs["a"] & Proof.CHECKSUM) is proven


def test_a_hash_of_what_google_stores_is_not_of_a_coding_it_adds(tmp_path: Path) -> None:
    headers = ["Content-Encoding: gzip", f"x-goog-hash: md5={digest('md5', SMALL)}"]
    with scripted(lambda _: reply(PACKED, *headers)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, content="gz")
    assert found.failures == {}
    assert not found.proofs["a"] & Proof.CHECKSUM


def halves(asked: Asked, of: bytes, *headers: str) -> bytes:
    """The first half, then the rest, and from then on the whole.

    The digests that come with the rest must not count.
    """
    if asked.offset is None:
        data = LARGE[:HALF] if asked.number == 0 else LARGE
        return reply(data, ETAG, *headers, length=len(LARGE))
    return reply(
        LARGE[asked.offset :],
        ETAG,
        f"Content-Range: bytes {asked.offset}-{len(LARGE) - 1}/{len(LARGE)}",
        f"Repr-Digest: sha-256=:{digest('sha256', of)}:",
        f"Content-MD5: {digest('md5', LARGE[asked.offset :])}",
        status="206 Partial Content",
    )


@pytest.mark.parametrize("good", [True, False])
def test_a_resumed_file_has_the_digest_of_the_whole(tmp_path: Path, *, good: bool) -> None:
    of = LARGE if good else b"other"
    header = f"Digest: sha-512={digest('sha512', of)}"
    with scripted(lambda asked: halves(asked, LARGE, header)) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=3)
    assert [asked.offset for asked in server.asked[:2]] == [None, HALF]
    assert bool(found.proofs.get("a", Proof.NONE) & Proof.CHECKSUM) is good
    assert good or found.failures["a"].kind is FailureKind.CORRUPT


@pytest.mark.parametrize("good", [True, False])
def test_the_next_run_knows_the_digest_too(tmp_path: Path, *, good: bool) -> None:
    header = f"Repr-Digest: sha=:{digest('sha1', LARGE if good else b'other')}:"
    with scripted(lambda asked: halves(asked, LARGE, header)) as server:
        url = f"{server.url}/a"
        assert fetch(tmp_path / "job", {"a": url}).failures["a"].kind is FailureKind.TRUNCATED
        again = Collected(tmp_path / "job")
        engine = again.new_engine()
        file = RemoteFile("a", url, content="bytes")
        engine.submit(Transfer("job", file, Request(url)), partial=True)
        end = time.monotonic() + 20
        while engine.busy and time.monotonic() < end:
            again.turn(engine, 0.5)
        engine.stop()
        engine.close()
        again.take(engine)
    assert server.asked[1].offset == HALF
    assert bool(again.proofs.get("a", Proof.NONE) & Proof.CHECKSUM) is good
    assert good or again.failures["a"].kind is FailureKind.CORRUPT


@pytest.mark.parametrize("name", ["md4:00", "sha256:zz", "sha256", "crc32c:0000000g", 5])
def test_a_sidecar_with_a_digest_that_cannot_be_checked_is_damaged(name: object) -> None:
    binding = Binding(etag='"a"', digest=name)  # type: ignore[arg-type]  # what a file may hold
    assert load(dump(binding, [(0, 1, 0)])) is None
    assert load(dump(Binding(etag='"a"', digest=f"md5:{'0' * 32}"), [(0, 1, 0)])) is not None


@pytest.mark.parametrize("with_digest", [(0,), (1,), (0, 1)])
def test_changed_content_has_its_own_digest_or_none(
    with_digest: tuple[int, ...], tmp_path: Path
) -> None:
    new = LARGE[::-1]

    def answer(asked: Asked) -> bytes:
        data, etag = (new, 'ETag: "two"') if asked.number else (LARGE, ETAG)
        headers = (
            [f"Repr-Digest: md5=:{digest('md5', data)}:"] if asked.number in with_digest else []
        )
        sent = data if asked.number else data[:HALF]
        return reply(sent, etag, *headers, length=len(data))

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=1)
    assert found.failures == {}
    assert bool(found.proofs["a"] & Proof.CHECKSUM) is (1 in with_digest)
    assert (tmp_path / "job" / f"a{PART}").read_bytes() == new


CUT = len(LARGE) - 9  # of a file that is on disk by then


@pytest.mark.parametrize("good", [True, False])
def test_a_file_that_starts_over_is_held_to_the_same_digest(tmp_path: Path, *, good: bool) -> None:
    header = f"Repr-Digest: md5=:{digest('md5', LARGE if good else b'other')}:"

    def answer(asked: Asked) -> bytes:
        return reply(LARGE if asked.number else LARGE[:CUT], ETAG, header, length=len(LARGE))

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=3)
    assert server.asked[1].offset == CUT
    assert bool(found.proofs.get("a", Proof.NONE) & Proof.CHECKSUM) is good
    assert good or found.failures["a"].kind is FailureKind.CORRUPT


def test_a_file_that_starts_over_with_a_content_coding_has_no_digest(tmp_path: Path) -> None:
    coded = gzip.compress(LARGE)

    def answer(asked: Asked) -> bytes:
        if asked.number == 0:
            header = f"Repr-Digest: md5=:{digest('md5', LARGE)}:"
            return reply(LARGE[:CUT], ETAG, header, length=len(LARGE))
        header = f"Repr-Digest: md5=:{digest('md5', coded)}:"
        return reply(coded, 'ETag: "coded"', header, "Content-Encoding: gzip")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"}, retries=3)
    assert found.failures == {}
    assert not found.proofs["a"] & Proof.CHECKSUM
    assert (tmp_path / "job" / f"a{PART}").read_bytes() == LARGE


@pytest.mark.parametrize("good", [True, False])
def test_a_segmented_file_has_the_digest_of_the_whole(tmp_path: Path, *, good: bool) -> None:
    data = Random(3).randbytes(SEGMENTED + 5_000_000)
    header = f"x-goog-hash: md5={digest('md5', data if good else b'other')}"

    def answer(asked: Asked) -> bytes:
        wanted = asked.headers.get("range")
        if wanted is None:
            return reply(data, ETAG, header, "Accept-Ranges: bytes")
        start, _, stop = wanted.removeprefix("bytes=").partition("-")
        start, end = int(start), int(stop) + 1 if stop else len(data)
        described = f"Content-Range: bytes {start}-{end - 1}/{len(data)}"
        own = f"Content-MD5: {digest('md5', data[start:end])}"
        return reply(data[start:end], ETAG, header, described, own, status="206 Part")

    with scripted(answer) as server:
        found = fetch(tmp_path / "job", {"a": f"{server.url}/a"})
    assert len(server.asked) > 1
    assert bool(found.proofs.get("a", Proof.NONE) & Proof.CHECKSUM) is good
    assert good or found.failures["a"].kind is FailureKind.CORRUPT

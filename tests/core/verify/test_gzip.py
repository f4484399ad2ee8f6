"""gzip to its very end, with nothing after it."""

import gzip
import random
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.errors import FailureKind
from backhaul.types import Content
from backhaul.verify import inflate
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.inflate import Inflater
from backhaul.verify.verifier import Verifier, verify_small

MIB = 1 << 20


def read(
    pieces: Iterable[bytes], limits: ContentLimits | None = None, *, content: str = "jsonl.gz"
) -> Content:
    verifier = Verifier(content, limits=limits or ContentLimits())
    for piece in pieces:
        verifier.feed(piece)
    return verifier.finish()


def cut(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def fault(*pieces: bytes, limits: ContentLimits | None = None) -> FailureKind:
    with pytest.raises(VerifyFault) as caught:
        read(pieces, limits)
    return caught.value.kind


def outcome(pieces: Iterable[bytes]) -> Content | str:
    try:
        return read(pieces)
    except VerifyFault:
        return "refused"


def test_consecutive_members_are_one_file() -> None:
    content = read([gzip.compress(b"1\n") + gzip.compress(b"") + gzip.compress(b"2\n")])
    assert (content.records, content.last) == (2, b"2")


def test_zeros_after_the_last_member_are_padding() -> None:
    assert read([gzip.compress(b"1\n"), b"\0" * 700, b"\0"]).records == 1


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_member_after_padding_is_damage_however_it_is_split(size: int) -> None:
    data = gzip.compress(b"one\n") + b"\0" * 9 + gzip.compress(b"two\n")
    assert fault(*cut(data, size)) is FailureKind.CORRUPT


@pytest.mark.parametrize("size", [1, 1000])
def test_other_bytes_after_the_last_member_are_damage(size: int) -> None:
    assert fault(*cut(gzip.compress(b"one\n") + b"two\n", size)) is FailureKind.CORRUPT


def test_a_file_cut_short_anywhere_is_truncated_and_never_complete() -> None:
    data = gzip.compress(b'{"id": 1}\r\n\r\n{"id": 2}\r\n') + gzip.compress(b'{"id": 3}\r\n')
    first_ends = len(gzip.compress(b'{"id": 1}\r\n\r\n{"id": 2}\r\n'))
    for end in range(len(data)):
        if end == first_ends:
            continue  # one whole member: only a size, a checksum or a footer can tell
        assert fault(data[:end]) is FailureKind.TRUNCATED, end


def test_a_flipped_byte_in_the_data_is_damage() -> None:
    text = random.Random(1).randbytes(5000)
    data = bytearray(gzip.compress(text))
    for place in range(15, len(data), 37):  # earlier bytes contain meaningless bits
        spoilt = bytearray(data)
        spoilt[place] ^= 0x40
        assert fault(bytes(spoilt)) in {FailureKind.CORRUPT, FailureKind.TRUNCATED}, place


@pytest.mark.parametrize("more", [-258, -9, -1, 0, 1, 8, 258])
@pytest.mark.parametrize("text", [b"\0", b"abcdefg\n"], ids=["zeros", "lines"])
def test_sizes_around_a_mebibyte_are_read_to_their_end(more: int, text: bytes) -> None:
    whole = (text * (2 * MIB))[: 2 * MIB + more]
    data = gzip.compress(whole, 1)
    assert read([data], content="gz").size == read(cut(data, 1000), content="gz").size == len(data)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>", "XML"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "page|HTML"),
        (b'{"error": "no"}', "JSON"),
        (b"plain words", "gzip"),
    ],
)
def test_a_page_instead_of_gzip_is_not_data(body: bytes, named: str) -> None:
    with pytest.raises(VerifyFault, match=named) as caught:
        verify_small(body, "jsonl.gz", limits=ContentLimits())
    assert caught.value.kind is FailureKind.NOT_DATA
    assert fault(body) is FailureKind.NOT_DATA


def test_an_empty_body_is_truncated() -> None:
    assert fault() is FailureKind.TRUNCATED


def test_a_bomb_is_bounded_by_its_size() -> None:
    data = gzip.compress(b"\0" * (3 * MIB))
    with pytest.raises(VerifyFault, match="max_inflated_size"):
        read([data], ContentLimits(max_size=2 * MIB))
    assert read([data], ContentLimits(max_size=3 * MIB), content="gz").size == len(data)


def test_a_bomb_is_bounded_by_its_ratio_once_it_is_large() -> None:
    large = gzip.compress(b"\0" * (65 * MIB), 1)
    with pytest.raises(VerifyFault, match="max_inflate_ratio"):
        read([large], ContentLimits(max_ratio=100))
    assert read([gzip.compress(b"\0" * MIB)], ContentLimits(max_ratio=2), content="gz").size > 0


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=6), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_the_result_is_the_same_however_a_file_is_split(
    texts: list[bytes], tail: bytes, size: int
) -> None:
    data = b"".join(map(gzip.compress, texts)) + tail
    assert outcome([data]) == outcome(cut(data, size))


@given(
    st.lists(st.sampled_from([b"{}", b"1", b" ", b"\r\n", b"\n", b"\t", b"{}\n"]), max_size=30),
    st.integers(0, 2),
)
@settings(max_examples=200, deadline=None)
def test_small_and_large_files_are_verified_alike(words: list[bytes], footer: int) -> None:
    data = gzip.compress(b"{}\n" + b"".join(words))
    verifier = Verifier("jsonl.gz", footer_lines=footer, limits=ContentLimits())
    verifier.feed(data)
    assert (
        verify_small(data, "jsonl.gz", footer_lines=footer, limits=ContentLimits())
        == verifier.finish()
    )


@pytest.mark.parametrize("size", [1, 4096, 1 << 18])
def test_without_isal_zlib_finds_the_same(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = gzip.compress(b"text " * 200_000) + gzip.compress(b"") + gzip.compress(b"end")
    padded, damaged = whole + bytes(100), whole[:1000] + b"\x00" + whole[1001:]

    def found(data: bytes) -> tuple[bytes, int, str]:
        inflater = Inflater(max_ratio=1100.0, max_size=1 << 40)
        text = b""
        try:
            for start in range(0, len(data), size):
                text += b"".join(inflater.feed(data[start : start + size]))
            inflater.finish()
        except VerifyFault as fault:
            return b"", inflater.members, str(fault.kind)
        return text, inflater.members, ""

    cases = (whole, padded, damaged, whole[:-1], whole + b"more")
    with_isal = [found(data) for data in cases]
    monkeypatch.setattr(inflate, "_member", inflate._zlib_member)
    monkeypatch.setattr(inflate, "_errors", (zlib.error, EOFError))
    assert [found(data) for data in cases] == with_isal
    assert with_isal[0] == (b"text " * 200_000 + b"end", 3, "")

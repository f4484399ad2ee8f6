"""Non-blank lines, however the text is cut."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backhaul.errors import FailureKind
from backhaul.verify.fault import VerifyFault
from backhaul.verify.lines import LineCounter, scan_lines
from backhaul.verify.verifier import Limits, Verifier

KEEP = 1 << 20
TEXTS = st.lists(
    st.sampled_from([b"a", b"bc", b" ", b"\t", b"\r", b"\n", b"\n\n", b"\r\n", b"\x0b", b"\0"]),
    max_size=40,
).map(b"".join)


def counted(*pieces: bytes) -> tuple[int, bytes]:
    counter = LineCounter()
    for piece in pieces:
        counter.feed(piece)
    counter.finish()
    return counter.count, counter.last


def plainly(text: bytes) -> tuple[int, bytes]:
    lines = [line.strip() for line in text.split(b"\n") if line.strip()]
    return len(lines), lines[-1] if lines else b""


def test_blank_lines_and_line_ends_do_not_count() -> None:
    assert counted(b"\r\n \r\none\r\n\t\r\n two \r\n\r\n") == (2, b"two")


def test_a_last_line_without_an_end_counts() -> None:
    assert counted(b"one\ntwo") == (2, b"two")


@given(TEXTS)
@settings(max_examples=300)
def test_any_text_is_counted_as_the_plain_way_would(text: bytes) -> None:
    assert counted(text) == plainly(text)
    assert scan_lines(text) == plainly(text)


@given(TEXTS, st.lists(st.integers(0, 60), max_size=8))
@example(b" a", [1])
@example(b" \n", [1])
@settings(max_examples=300)
def test_any_split_of_any_text_counts_as_the_whole(text: bytes, cuts: list[int]) -> None:
    ends = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert counted(*pieces) == counted(text)


@given(TEXTS, TEXTS, st.sampled_from([b"", b"rest", b" "]))
@settings(max_examples=300)
def test_of_a_text_only_the_lines_asked_for_are_looked_at(
    before: bytes, text: bytes, rest: bytes
) -> None:
    before += b"\n"
    text += b"\n"
    found = scan_lines(before + text + rest, len(before), len(before + text))
    assert found == plainly(text)


def test_a_line_after_more_blanks_than_are_kept_is_still_a_line() -> None:
    assert counted(b" " * (2 * KEEP) + b"x") == (1, b"x")
    assert counted(b" " * KEEP, b" " * KEEP, b"x\n") == (1, b"x")


def test_of_a_long_line_as_much_is_kept_however_it_is_cut() -> None:
    line = b"  " + b"y" * (3 * KEEP)
    for pieces in ([line], [line, b"\n"], [line[:1], line[1:]], [line[:KEEP], line[KEEP:]]):
        assert counted(*pieces) == (1, b"y" * KEEP)


@pytest.mark.parametrize("pieces", [[b"<html>x"], [b"\xef\xbb\xbf", b" \r\n", b"<?xml ?>"]])
def test_a_page_is_no_json_lines(pieces: list[bytes]) -> None:
    verifier = Verifier("jsonl", limits=Limits())
    for piece in pieces[:-1]:
        verifier.feed(piece)
    with pytest.raises(VerifyFault) as caught:
        verifier.feed(pieces[-1])
    assert caught.value.kind is FailureKind.NOT_DATA


def test_json_lines_may_have_pages_inside() -> None:
    verifier = Verifier("jsonl", limits=Limits())
    for piece in (b"\n", b'{"a": "', b"<html>", b'"}\n'):
        verifier.feed(piece)
    assert verifier.finish().records == 1

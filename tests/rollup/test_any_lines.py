"""For arbitrary lines, the roll-up contains the files' lines, in order."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.archive.records import LineTooLongError, Records
from backhaul.verify.records import RecordCounter

LINE = st.one_of(
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from(
        [b"", b" ", b"\r", b"\t\r", b"\x0b", b'{"a": 1}', b'{"a": 1}\r', b" x ", b"\xef\xbb\xbf"]
    ),
)


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


@given(
    st.lists(LINE, max_size=20),
    st.sampled_from([b"", b"\n"]),
    st.lists(st.integers(0, 1000), max_size=8),
    st.integers(0, 3),
)
def test_records_are_the_lines_less_blank_ones_and_the_footer(
    lines: list[bytes], end: bytes, cuts: list[int], footer: int
) -> None:
    text = b"\n".join(lines) + end
    whole = text
    sieve, counter = Records(footer_lines=footer), RecordCounter()
    out = b""
    for piece in pieces(text, cuts):
        out += sieve.feed(piece)
        counter.feed(piece)
    out += sieve.finish()
    counter.finish()
    text = text.removeprefix(b"\xef\xbb\xbf")
    wanted = [line for line in text.split(b"\n") if line.strip()]
    wanted = wanted[: max(0, len(wanted) - footer)]
    assert out == b"".join(line + b"\n" for line in wanted)
    assert sieve.count == len(wanted) == max(0, counter.count - footer)
    assert sieve.altered == (out != whole)


def test_a_line_too_long_to_hold_is_refused() -> None:
    records = Records(max_line=1000)
    assert records.feed(b"x" * 600 + b"\n" + b"y" * 900) == b"x" * 600 + b"\n"
    with pytest.raises(LineTooLongError, match="exceeds 1,000 bytes"):
        records.feed(b"y" * 200)


def test_a_complete_line_that_is_too_long_is_refused() -> None:
    records = Records(max_line=1000)
    assert records.feed(b"x" * 1000 + b"\n" + b"y" * 1000 + b"\n")
    with pytest.raises(LineTooLongError):
        records.feed(b"x" * 999 + b"\n" + b"y" * 1001 + b"\n")

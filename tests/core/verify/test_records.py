"""Each JSON Lines record is parsed, however the text is split into chunks."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.json_lines import MARK, plainly

from backhaul.errors import FailureKind
from backhaul.types import Content, Proof
from backhaul.verify import records
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.records import RecordCounter, scan_records
from backhaul.verify.verifier import Verifier, verify_quick, verify_small

GOOD = [
    b'{"a": 1}', b'{"b":"x\\u00e9","c":[1,-2.5e+3,true,false,null]}', '{"ä": "😀"}'.encode(),
    b'{"cut": "\\ud83d"}', b"[1, {}]", b"12", b"-0.5e7", b'"text"', b"null", b"NaN",
    b'{"long": %s}' % (b"9" * 5000),
]  # fmt: skip
BAD = [
    b"\0", b"{}\0", b'{"a": "\0"}', b'{"a": "\xff"}', b'{"\xff": 1}', b'{"a": 1', b"{}{}", b'{"a":1}x',
    b'{"id":"6","url":"https://a.{"id":"7"}', b"words", b"{'a': 1}", b'{"a": 01}', b'{"a": "\\x"}',
    b"tru", b'{"a" 1}', b"[1,]", b"\x0b{}", b'{"a":"\t"}',
]  # fmt: skip
SCRAPS = [
    *GOOD[:-1],
    *BAD,
    b"\n",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\x0b",
    b"{",
    b'"',
    b"\\",
    b":",
    b",",
    MARK,
]
TEXTS = st.lists(st.sampled_from(SCRAPS), max_size=12).map(b"".join)


def counted(*pieces: bytes) -> RecordCounter:
    counter = RecordCounter()
    for piece in pieces:
        counter.feed(piece)
    counter.finish()
    return counter


def seen(counter: RecordCounter) -> tuple[int, bytes, int, tuple[int, int] | None]:
    return counter.count, counter.last, counter.bad, counter.first_bad


def both(text: bytes, content: str = "jsonl.gz") -> Content:
    """The result for a small and a large file with this text."""
    data = gzip.compress(text) if content.endswith("gz") else text
    verifier = Verifier(content, limits=ContentLimits())
    for start in range(0, len(data), 700):
        verifier.feed(data[start : start + 700])
    found = verifier.finish()
    assert verify_small(data, content, limits=ContentLimits()) == found
    return found


def refused(text: bytes, content: str = "jsonl.gz") -> FailureKind:
    data = gzip.compress(text) if content.endswith("gz") else text
    with pytest.raises(VerifyFault) as caught:
        verify_small(data, content, limits=ContentLimits())
    with pytest.raises(VerifyFault) as large:
        both(text, content)
    assert large.value.kind is caught.value.kind
    return caught.value.kind


@pytest.mark.parametrize("line", GOOD)
def test_whatever_json_loads_accepts_is_a_record(line: bytes) -> None:
    for text in (line, line + b"\n", b" " + line + b" \r\n", MARK + line, line + b"\n" + line):
        assert both(text, "jsonl").bad_records == 0
        assert both(text).proof == Proof.CONTAINER | Proof.RECORDS


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("line", BAD)
def test_invalid_json_is_counted_and_its_position_is_named(line: bytes, place: int) -> None:
    lines = [b'{"a": 1}', b'{"a": 2}']
    lines.insert(place, line)
    for content in ("jsonl", "jsonl.gz"):
        found = both(b"\r\n\r\n".join([*lines, b""]), content)
        assert (found.records, found.bad_records) == (3, 1)
        assert found.first_bad == (2 * place + 1, 12 * place)
        assert not found.proof & Proof.RECORDS


@pytest.mark.parametrize("depth", [900, 2000, 9000])
def test_deep_nesting_is_not_damage(depth: int) -> None:
    for line in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        assert both(b"{}\n" + line + b"\n").bad_records == 0
        for spoilt in (line[:-1], line + b"]", line[: depth // 2] + b"\0" + line[depth // 2 :]):
            assert both(b"{}\n" + spoilt + b"\n").bad_records == 1


def test_a_long_line_is_read_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"a": "%s", "b": [1, "x\\u00e9", {}]}' % (b"y" * (5 << 20))
    pieces = [line[start : start + 70_001] for start in range(0, len(line), 70_001)]
    for _ in range(2):
        good = counted(b"{}\n", *pieces, b"\n{}")
        assert seen(good) == (3, b"{}", 0, None)
        assert counted(*pieces).last == line[: 1 << 20]
        assert counted(*pieces[:-1]).cut
        bad = counted(b"{}\n", *pieces, b"\0\n{}\n")
        assert seen(bad) == (3, b"{}", 1, (2, 3))
        monkeypatch.setattr(records, "_LONG", 1 << 20)
    counter = RecordCounter()
    for piece in pieces:
        counter.feed(piece)
    assert sum(map(len, counter._tail)) <= 1 << 20, "no more than what last gives"


def test_a_record_cut_at_the_end_is_truncated_wherever_the_cut_is() -> None:
    record = '{"a":[1,-2.5e-3,tru,"x\\u00e9\\n😀",{"b":null}],"c":{}}'.replace(
        "tru", "true"
    ).encode()
    for end in range(1, len(record)):
        assert refused(b'{"a": 1}\n' + record[:end]) is FailureKind.TRUNCATED, record[:end]
        assert refused(record[:end], "jsonl") is FailureKind.TRUNCATED, record[:end]


@pytest.mark.parametrize(
    "text",
    [
        b"Service temporarily unavailable\n", bytes(range(256)) * 20, b"\0" * 5000, b"404\nnot found\n{\n",
        b"<html>Maintenance</html>\n", MARK + b" \r\n<?xml ?>\n<a/>", b"{\n  'a': 1\n}\n", b"\x89PNG\r\n\x1a\n" * 9,
        "día\n".encode("latin-1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("content", ["jsonl", "jsonl.gz"])
def test_text_without_records_is_not_data(text: bytes, content: str) -> None:
    assert refused(text, content) is FailureKind.NOT_DATA


def test_data_that_cannot_be_fetched_again_is_kept_even_if_invalid() -> None:
    for text in (b"<html>\n", b'{"a": 1}\n{"a":', b"words\n"):
        verifier = Verifier("jsonl", limits=ContentLimits(), kept=True)
        verifier.feed(text)
        assert verifier.finish().bad_records == 1


def test_records_can_contain_html_or_be_plain_numbers() -> None:
    assert both(b'\n{"a": "<html>"}\n', "jsonl").records == 1
    assert both(b"1\n2\n3\n").records == 3


def test_without_a_record_there_is_no_proof_of_records() -> None:
    assert both(b"", "jsonl").proof == Proof.NONE
    assert both(b" \r\n", "jsonl").proof == Proof.NONE
    assert (both(b"").records, both(b"").proof) == (0, Proof.CONTAINER)


def test_a_footer_is_a_line_like_others() -> None:
    data = gzip.compress(b'{"a": 1}\nfooter\n')
    found = verify_small(data, "jsonl.gz", footer_lines=1, limits=ContentLimits())
    assert (found.records, found.bad_records, found.last) == (1, 1, b"footer")


def test_only_the_usual_case_takes_the_fast_path() -> None:
    for text in (b"words\n", b"[1]\n", b"x" * (2 << 20)):
        assert verify_quick(gzip.compress(text), "jsonl.gz", limits=ContentLimits()) is None
    found = verify_quick(gzip.compress(b"{}\n"), "jsonl.gz", limits=ContentLimits())
    assert found is not None
    assert found.records == 1


@given(TEXTS, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([8 << 20, 8 << 20, 30]))
@example(b" {}", [1], 8 << 20)
@example(b" \n", [1], 8 << 20)
@example(MARK + b"\n[", [1, 2], 8 << 20)
@settings(max_examples=400, deadline=None)
def test_any_text_is_judged_as_by_json_however_it_is_split(
    text: bytes, cuts: list[int], most: int
) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    usual = records._LONG
    records._LONG = most
    try:
        found = seen(counted(*(text[start:end] for start, end in pairwise(places))))
    finally:
        records._LONG = usual
    wanted = plainly(text)
    assert (found[0], *found[2:]) == (wanted.count, wanted.bad, wanted.first)
    if most == usual:  # of a line too long to hold, only its beginning is kept
        assert found[1] == wanted.last
    quick = scan_records(text)
    assert quick is None or quick == (wanted.count, wanted.last)
    assert quick is None or not wanted.bad


def test_a_mebibyte_of_the_last_line_is_kept_however_it_is_split() -> None:
    line = b'  "' + b"y" * (3 << 20) + b'"'
    for pieces in ([line], [line, b"\n"], [line[:1], line[1:]], [line[: 1 << 20], line[1 << 20 :]]):
        assert counted(*pieces).last == line.strip()[: 1 << 20]


@pytest.mark.parametrize("blanks", [0, 1, 255, 256, 257, 5000])
def test_the_last_line_is_found_before_any_number_of_blanks(blanks: int) -> None:
    text = b'{"a":1}\n {"b":2} ' + b"\r\n" * (blanks // 2) + b" " * (blanks % 2)
    assert scan_records(text) == (2, b'{"b":2}')

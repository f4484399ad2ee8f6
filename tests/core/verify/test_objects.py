"""Which lines are JSON objects, however the text is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.verify.lines import LineCounter
from backhaul.verify.objects import ObjectCounter, is_object


def fed(text: bytes, *, cuts: int) -> ObjectCounter:
    counter = ObjectCounter()
    for start in range(0, len(text), cuts):
        counter.feed(text[start : start + cuts])
    counter.finish()
    return counter


@pytest.mark.parametrize(
    ("line", "good"),
    [
        (b'{"a": 1}', True),
        (b' {"a": {"b": []}}\r', True),
        ('{"a": "\u00e4"}'.encode(), True),
        (b'{"a": %s}' % (b"9" * 5000), True),
        (b'{"a": "\xff"}', False),
        (b'{"a": 1', False),
        (b"[1]", False),
        (b"1", False),
        (b'{"a":' * 100_000, False),
    ],
)
def test_a_line_is_a_json_object_or_damaged(line: bytes, good: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_object(line) is good


@pytest.mark.parametrize("cuts", [1, 3, 1000])
def test_damaged_lines_are_counted_and_the_first_is_named(cuts: int) -> None:
    counter = fed(b'{"a":1}\n\n{"a":\n{"b":2}\r\nnonsense', cuts=cuts)
    assert (counter.count, counter.damaged, counter.first) == (4, 2, 2)


@given(st.lists(st.sampled_from([b'{"a":1}', b"", b" ", b"x", b"\n", b"\r"])), st.integers(1, 9))
def test_lines_are_counted_as_everywhere_else(parts: list[bytes], cuts: int) -> None:
    text = b"".join(parts)
    usual = LineCounter()
    usual.feed(text)
    usual.finish()
    counter = fed(text, cuts=cuts)
    assert (counter.count, counter.last) == (usual.count, usual.last)
    assert counter.damaged <= counter.count

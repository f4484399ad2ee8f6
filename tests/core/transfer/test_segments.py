"""Spans of a file: segments in any order cover it exactly once."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backhaul.transfer.segments import SegmentMap, holes, merge

spans = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda pair: (min(pair), max(pair)))
)


def covered(found: list[tuple[int, int]]) -> set[int]:
    return {place for start, end in found for place in range(start, end)}


@given(spans)
def test_merged_spans_cover_the_same_places_without_overlap(found: list[tuple[int, int]]) -> None:
    merged = merge(found)
    assert covered(merged) == covered(found)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@given(spans, st.integers(200, 300))
def test_holes_are_the_missing_spans(found: list[tuple[int, int]], length: int) -> None:
    assert covered(holes(merge(found), length)) == set(range(length)) - covered(found)


@given(st.integers(1, 40 << 20), st.randoms(use_true_random=False), spans)
def test_pieces_that_end_anywhere_still_form_the_whole_file(
    length: int, chance: Any, here: list[tuple[int, int]]
) -> None:
    segment_map = SegmentMap(
        length, [(start, min(end, length)) for start, end in here if start < length]
    )
    for _ in range(10_000):
        if not segment_map.pending:
            break
        segment = segment_map.take("http://a/")
        if chance.random() < 0.3:
            segment_map.extend(segment)
        segment.position = (
            segment.end if chance.random() < 0.7 else chance.randint(segment.start, segment.end)
        )
        segment_map.give_back(segment)
    assert segment_map.complete

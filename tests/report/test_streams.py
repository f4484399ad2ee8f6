"""The page's values: the same JSON as of a whole list, in constant memory."""

import base64
import gzip
import io
import json
import tracemalloc
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul_report.streams import Runs, Values, write_base64, write_object

NUMBER = 200_000


@pytest.mark.matrix
def test_many_values_are_not_kept_in_memory() -> None:
    with ExitStack() as files:
        names, states = Values(files), Runs(files)
        tracemalloc.start()
        for number in range(NUMBER):
            names.add(f"worldcup_{number:012d}_activities.json.gz")
            states.add(number % 2)
        text = io.BytesIO()
        for part in names.text():
            text.write(part[:1])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000  # the names alone would take 18 MB


@given(values=st.lists(st.none() | st.integers() | st.text(st.characters(codec="utf-8"))))
def test_values_are_written_as_a_json_list(values: list[object]) -> None:
    with ExitStack() as files:
        found = Values(files)
        for value in values:
            found.add(value)
        assert json.loads(b"".join(found.text())) == values


@given(values=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5))))
def test_runs_are_the_values_with_their_lengths(values: list[tuple[int, int]]) -> None:
    with ExitStack() as files:
        runs = Runs(files)
        for value, times in values:
            runs.add(value, times)
        flat = json.loads(b"".join(runs.text()))
    found = [
        value for value, times in zip(flat[::2], flat[1::2], strict=True) for _ in range(times)
    ]
    assert found == [value for value, times in values for _ in range(times)]
    assert all(one != other for one, other in zip(flat[::2], flat[2::2], strict=False))


def test_an_object_is_gzip_in_base64() -> None:
    out = io.BytesIO()
    with ExitStack() as files:
        inner = Values(files)
        inner.add("<a>", 1)
        write_object(out, [("one", inner), ("two", (("three", {"four": None}),)), ("five", ())])
    found = json.loads(gzip.decompress(base64.b64decode(out.getvalue())))
    assert found == {"one": ["<a>", 1], "two": {"three": {"four": None}}, "five": {}}


@given(blocks=st.lists(st.binary(max_size=70_000), max_size=4))
def test_base64_of_blocks_is_that_of_the_whole(blocks: list[bytes]) -> None:
    out = io.BytesIO()
    write_base64(out, blocks)
    assert base64.b64decode(out.getvalue(), validate=True) == b"".join(blocks)

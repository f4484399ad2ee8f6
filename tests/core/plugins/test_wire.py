"""RemoteFile survives a round trip through JSON."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul import RemoteFile
from backhaul.errors import PluginError
from backhaul.plugins.wire import from_json, to_json

times = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis requires naive bounds
counts = st.none() | st.integers(0, 1 << 60)
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
files = st.builds(
    RemoteFile,
    name=st.text(min_size=1, max_size=40),
    url=st.none() | st.text(max_size=40),
    start=st.none() | times,
    size=counts,
    records=counts,
    content=st.sampled_from(["jsonl.gz", "xml", "bytes"]),
    optional=st.booleans(),
    meta=st.dictionaries(st.text(max_size=9), plain | st.lists(plain, max_size=3), max_size=4),
    aliases=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    footer_lines=st.integers(0, 9),
    suspect=st.booleans(),
    split=st.none() | st.integers(1, 1 << 40),
)


@given(files)
def test_a_file_survives_serialization(file: RemoteFile) -> None:
    text = to_json(file)
    assert "\n" not in text
    assert from_json(text) == file


def test_defaults_are_omitted() -> None:
    assert to_json(RemoteFile("a.gz")) == '{"name":"a.gz"}'


@pytest.mark.parametrize("meta", [{"when": datetime(2020, 1, 1, tzinfo=UTC)}, {"x": float("nan")}])
def test_meta_that_json_cannot_hold_is_refused(meta: dict[str, object]) -> None:
    with pytest.raises(PluginError, match=r"'a': meta .*JSON"):
        to_json(RemoteFile("a", meta=meta))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", "{}", '{"name": 7}', '{"name":"a","start":"2020-01-01"}', '{"name":"a","odd":1}',
     '{"name":"a","start":5}', '{"name":"a","aliases":3}', "[" * 100_000],
)  # fmt: skip
def test_any_other_string_is_refused(text: str) -> None:
    with pytest.raises(PluginError):
        from_json(text)

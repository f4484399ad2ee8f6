"""Key columns of a record."""

import gzip
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from backhaul_rollup import Column
from backhaul_rollup.values import Keys, as_time

NOON = datetime(2014, 6, 12, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2014-06-12T12:00:05.000Z",
        "2014-06-12T14:00:05+02:00",
        "2014-06-12T12:00:05",
        "Thu Jun 12 12:00:05 +0000 2014",
        "Thu, 12 Jun 2014 12:00:05 +0000",
        1402574405,
        1402574405000,
    ],
)
def test_times_of_all_these_forms_are_read(value: str | int) -> None:
    assert as_time(value) == NOON


@pytest.mark.parametrize("value", ["", "yesterday", None, True, [], {}, 1e300, "2014-13-41"])
def test_an_invalid_time_is_none(value: Any) -> None:
    assert as_time(value) is None


def test_the_first_alternative_that_has_a_value_counts() -> None:
    keys = Keys([Column("author", "actor.name|user.name"), Column("id", "id")])
    assert keys.names == ("author", "id")
    assert keys.of('{"user": {"name": "b"}, "id": 7}') == ("b", "7")
    assert keys.of('{"actor": {"name": "a"}, "user": {"name": "b"}}') == ("a", None)
    assert keys.of('{"actor": "a", "user": {"name": ["x"]}}') == ('["x"]', None)


@pytest.mark.parametrize("line", ["", "no json", "[1]", "7", "null", "[" * 100_000])
def test_a_line_that_is_not_an_object_has_no_key_columns(line: str) -> None:
    assert Keys([Column("id", "id")]).of(line) == (None,)


def test_lines_that_are_not_utf8_or_not_json_are_kept_and_reported(archive: Any) -> None:
    archive.put("a.gz", b'{"id": "\xff"}\n{"id": "x"}\nno json\n', NOON)
    (output,) = archive.rollup("--to", "day", "--format", "parquet")["outputs"]
    assert output["records"] == 3
    suspect, encoding = output["notes"]
    assert "a.gz" in suspect
    assert "2" in suspect
    assert "UTF-8" in encoding
    rows = pq.read_table(archive.out / output["file"]).to_pylist()
    assert [row["raw"] for row in rows] == ['{"id": "\ufffd"}', '{"id": "x"}', "no json"]
    assert [row["id"] for row in rows] == ["\ufffd", "x", None]


def test_bad_lines_are_passed_on_as_received(archive: Any) -> None:
    archive.put("a.gz", b'{"id": "x"}\nno json\n', NOON)
    archive.put("b.gz", b'\xef\xbb\xbf{"id": "y"}\n', NOON)
    for _ in range(2):
        (output,) = archive.rollup("--to", "day")["outputs"]
        assert len(output["notes"]) == 1
    text = gzip.decompress((archive.out / output["file"]).read_bytes())
    assert text == b'{"id": "x"}\nno json\n{"id": "y"}\n'


def test_half_a_surrogate_pair_becomes_a_replacement_character_and_stops_nothing(
    archive: Any,
) -> None:
    archive.put("a.gz", b'{"id": "cut \\ud83d"}\n{"id": "whole \\ud83d\\ude00"}\n', NOON)
    (output,) = archive.rollup("--to", "day", "--format", "parquet")["outputs"]
    rows = pq.read_table(archive.out / output["file"]).to_pylist()
    assert [row["id"] for row in rows] == ["cut \ufffd", "whole \U0001f600"]
    assert rows[0]["raw"] == '{"id": "cut \\ud83d"}'
    (note,) = output["notes"]
    assert "1" in note


@pytest.mark.matrix
def test_row_groups_keep_memory_flat(archive: Any) -> None:
    archive.put("a.gz", b'{"id": "x"}\n' * 250_000, NOON)
    (output,) = archive.rollup("--to", "day", "--format", "parquet")["outputs"]
    found = pq.ParquetFile(archive.out / output["file"]).metadata
    assert (found.num_rows, found.num_row_groups) == (250_000, 3)

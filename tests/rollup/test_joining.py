"""gzip members that contain only records are copied unchanged."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

MONTH = "month/jsonl.gz"
DAY = datetime(2014, 6, 12, tzinfo=UTC)
DAYS = timedelta(days=1)


def test_a_month_is_its_days_in_order(a_month: Any) -> None:
    result = a_month.rollup("--to", "month")
    assert [output["joined"] for output in result["outputs"]] == [30, 30]
    for kind in ("activity", "message"):
        days = [path.read_bytes() for path in sorted(a_month.files.glob(f"stocktwits_{kind}_*"))]
        joined = a_month.out / MONTH / f"talk_{kind}_2014-06.jsonl.gz"
        assert joined.read_bytes() == b"".join(days)


def test_kinds_of_files_are_not_mixed(a_month: Any) -> None:
    a_month.rollup("--to", "month")
    assert [(entry["series"], entry["records"]) for entry in a_month.manifest(MONTH)] == [
        ("activity", 60),
        ("message", 90),
    ]


def test_a_gap_in_one_kind_does_not_hold_up_the_other(a_month: Any) -> None:
    (a_month.files / "stocktwits_message_2014_06_07.gz").unlink()
    result = a_month.rollup("--to", "month")
    assert [output["state"] for output in result["outputs"]] == ["written", "refused"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b'{"b": 1}\n\n{"b": 2}\n', b'{"b": 1}\n{"b": 2}\n', id="a blank line"),
        pytest.param(b'{"b": 1}\n \t\r\n', b'{"b": 1}\n', id="a line of white space"),
        pytest.param(b'{"b": 1}\n{"b": 2}', b'{"b": 1}\n{"b": 2}\n', id="no end of the last line"),
    ],
)
def test_a_file_with_more_than_records_is_recompressed(
    archive: Any, text: bytes, expected: bytes
) -> None:
    clean = [b'{"a": 1}\n', b'{"c": 1}\n']
    archive.put("a.gz", clean[0], DAY)
    archive.put("b.gz", text, DAY + timedelta(hours=1))
    archive.put("c.gz", clean[1], DAY + timedelta(hours=2))
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert output["joined"] == 2
    data = (archive.out / output["file"]).read_bytes()
    assert gzip.decompress(data) == clean[0] + expected + clean[1]
    assert data.startswith(gzip.compress(clean[0], mtime=0))
    assert data.endswith(gzip.compress(clean[1], mtime=0))


def test_padding_after_gzip_data_is_dropped(archive: Any) -> None:
    text = b'{"a": 1}\n'
    archive.put("a.gz", text, DAY, stored=gzip.compress(text, mtime=0) + bytes(512))
    archive.put("b.gz", text, DAY + timedelta(hours=1))
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert output["joined"] == 1
    assert gzip.decompress((archive.out / output["file"]).read_bytes()) == text * 2


def test_lines_that_end_in_cr_lf_are_kept_unchanged(archive: Any) -> None:
    archive.put("a.gz", b'{"a": 1}\r\n{"a": 2}\r\n', DAY)
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert (output["joined"], output["records"]) == (1, 2)


def test_plain_json_lines_are_compressed(archive: Any) -> None:
    archive.put("a.jsonl", b'{"a": 1}\n', DAY, content="jsonl")
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert gzip.decompress((archive.out / output["file"]).read_bytes()) == b'{"a": 1}\n'


def test_a_period_of_empty_files_is_an_empty_gzip_file(archive: Any) -> None:
    archive.put("a.jsonl", b"\n", DAY, content="jsonl")
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert output["records"] == 0
    assert gzip.decompress((archive.out / output["file"]).read_bytes()) == b""


def test_files_that_cover_more_than_the_period_get_a_separate_output(archive: Any) -> None:
    for piece in (1, 2):
        archive.put(f"q-0000{piece}.jsonl.gz", b'{"a": %d}\n' % piece, DAY, every=5 * DAYS)
    (output,) = archive.rollup("--to", "day")["outputs"]
    assert output["file"] == "day/jsonl.gz/worldcup_20140612T000000Z-20140617T000000Z.jsonl.gz"
    assert gzip.decompress((archive.out / output["file"]).read_bytes()) == b'{"a": 1}\n{"a": 2}\n'


def test_files_without_records_are_left_out_and_counted(archive: Any) -> None:
    archive.put("a.gz", b'{"a": 1}\n', DAY)
    archive.put("a.json", b'{"minutes": []}', DAY, content="json")
    result = archive.rollup("--to", "day")
    assert (len(result["outputs"]), result["left_out"]) == (1, 1)

"""Jobs without JSON Lines: JSON documents and CSV files become lines, too."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

DAY = datetime(2014, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def put(archive: Any, *texts: bytes, content: str) -> None:
    """A file an hour."""
    for number, text in enumerate(texts):
        start = DAY + number * HOUR
        archive.put(f"{number}.{content}", text, start, every=HOUR, content=content)
    archive.slots(DAY, DAY + len(texts) * HOUR, HOUR)


def lines(archive: Any, output: dict[str, Any]) -> list[Any]:
    text = gzip.decompress((archive.out / output["file"]).read_bytes())
    return [json.loads(line) for line in text.splitlines()]


def test_rows_of_csv_are_objects_by_the_header(archive: Any) -> None:
    put(archive, b'id,text\r\n1,"a\r\nb"\r\n2,c\r\n', b"id,text\n3,\n", content="csv")
    result = archive.rollup("--to", "day")
    (output,) = result["outputs"]
    assert lines(archive, output) == [
        {"id": "1", "text": "a\r\nb"}, {"id": "2", "text": "c"}, {"id": "3", "text": ""},
    ]  # fmt: skip
    assert (result["exit_code"], result["left_out"]) == (0, 0)
    assert (output["files"], output["records"]) == (2, 3)


def test_a_document_is_one_record_or_one_per_element(archive: Any) -> None:
    put(
        archive,
        b'{\n "a": 1\n}\n',
        b'[{"a": 2},\r\n {"a": "\\ud83d"}]',
        b"[]",
        '{"a": "é"}'.encode("utf-16"),
        content="json",
    )
    result = archive.rollup("--to", "day")
    (output,) = result["outputs"]
    assert lines(archive, output) == [{"a": 1}, {"a": 2}, {"a": "\ud83d"}, {"a": "é"}]
    assert (result["exit_code"], output["records"], output["records_before"]) == (0, 4, None)
    (again,) = archive.rollup("--to", "day")["outputs"]
    assert again["state"] == "up_to_date"


@pytest.mark.parametrize("form", ["jsonl.zst", "parquet"])
def test_it_also_works_in_the_other_formats(archive: Any, form: str) -> None:
    put(archive, b'[{"a": 1},\n{"a": 2}]', content="json")
    (output,) = archive.rollup("--to", "day", "--format", form)["outputs"]
    assert (output["state"], output["records"]) == ("written", 2)


def test_a_file_that_changed_since_or_has_rows_without_names_costs_only_its_period(
    archive: Any,
) -> None:
    put(archive, b"a\n1\n", b"a\n2\n", b"a,a\n3,4\n", b"a\n5\n", content="csv")
    (archive.files / "1.csv").write_bytes(b"a\n7\n")
    result = archive.rollup("--to", "hour")
    assert [output["state"] for output in result["outputs"]] == [
        "written", "damaged", "unreadable", "written",
    ]  # fmt: skip
    assert result["exit_code"] == 8
    assert "two columns have the name 'a'" in result["outputs"][2]["message"]
    assert "unreadable" in archive.command("--to", "hour")[1]


def test_an_element_that_is_too_long_fails_only_its_period(archive: Any) -> None:
    put(archive, b'[{"a": 1}]', json.dumps([{"a": "x" * 2000}]).encode(), content="json")
    config = archive.config()
    config.write_text(config.read_text().replace("archive}", "archive, max_line_size: 1K}"))
    archive.config = lambda: config
    result = archive.rollup("--to", "hour")
    assert [output["state"] for output in result["outputs"]] == ["written", "line_too_long"]
    assert result["exit_code"] == 3


def test_documents_next_to_json_lines_are_left_out(archive: Any) -> None:
    archive.put("a.gz", b'{"a": 1}\n', DAY)
    archive.put("a.csv", b"a\n1\n", DAY, content="csv")
    result = archive.rollup("--to", "day")
    assert (result["outputs"][0]["records"], result["left_out"]) == (1, 1)


def test_a_job_of_other_formats_is_an_error_that_names_the_formats(archive: Any) -> None:
    put(archive, b"<a/>", b"<b/>", content="xml")
    result = archive.rollup("--to", "day")
    assert (result["exit_code"], result["outputs"], result["left_out"]) == (3, [], 2)
    assert "its files are xml; roll-up reads JSON Lines, JSON and CSV" in result["message"]


def test_files_without_a_period_cannot_be_rolled_up(archive: Any) -> None:
    archive.put("a.jsonl", b'{"a": 1}\n', None, content="jsonl")
    result = archive.rollup("--to", "day")
    assert (result["exit_code"], result["left_out"]) == (3, 1)
    assert "its files have no period" in result["message"]


def test_files_outside_of_the_selection_are_not_called_unreadable(archive: Any) -> None:
    archive.put("a.jsonl.gz", b'{"a": 1}\n', DAY)
    archive.put("list.txt", b"x\n", None, content="bytes")
    result = archive.rollup("--to", "day", "--until", "2001-01-01")
    assert (result["exit_code"], result["outputs"], result["left_out"]) == (0, [], 1)
    assert "message" not in result or not result["message"]

"""Activity of overlapping snapshots is combined into time series."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from backhaul_rollup.book import Book

FIRST = datetime(2014, 6, 12, tzinfo=UTC)
DAYS = timedelta(days=1)


def snapshot(hours: list[int], days: list[int]) -> bytes:
    def counts(total: list[int]) -> dict[str, list[int]]:
        return {"total": total, "rejected": [0] * len(total), "pending": [], "approved": total}

    return json.dumps({"activity": {"hourly": counts(hours), "daily": counts(days)}}).encode()


@pytest.fixture
def meta(archive: Any) -> Any:
    """Three days; for the first day, the second snapshot says 25 where the first said 24."""
    archive.provider, archive.job = "massrelevance-meta", "kindle"
    for number, days in enumerate(([24], [25, 48], [48, 72])):
        archive.put(
            f"kindle_{number}.json",
            snapshot([number + 1] * 24, days),
            FIRST + number * DAYS,
            every=DAYS,
            content="json",
        )
    archive.slots(FIRST, FIRST + 3 * DAYS, DAYS)
    return archive


def test_series_are_written_as_csv_and_parquet(meta: Any) -> None:
    result = meta.rollup("--to", "day")
    assert result["exit_code"] == 0
    assert [(output["file"], output["records"]) for output in result["outputs"]] == [
        ("tables/activity_hourly.csv", 72),
        ("tables/activity_hourly.parquet", 72),
        ("tables/activity_daily.csv", 3),
        ("tables/activity_daily.parquet", 3),
        ("tables/differences.csv", 2),
        ("tables/differences.parquet", 2),
    ]
    text = (meta.out / "tables/activity_daily.csv").read_text()
    assert text.splitlines() == [
        "start,total,rejected,pending,approved",
        "2014-06-12T00:00:00Z,25,0,,25",
        "2014-06-13T00:00:00Z,48,0,,48",
        "2014-06-14T00:00:00Z,72,0,,72",
    ]
    for name, count in (("hourly", 72), ("daily", 3)):
        path = meta.out / f"tables/activity_{name}"
        same = duckdb.sql(
            f"SELECT count(*) FROM read_parquet('{path}.parquet') p"
            f" JOIN read_csv('{path}.csv') c ON epoch(p.start) = epoch(c.start) AND p.total = c.total"
        )
        assert same.fetchall() == [(count,)]


def test_differences_are_printed_and_written_to_a_table(meta: Any) -> None:
    _, out, _ = meta.command("--to", "day")
    (line,) = [line for line in out.splitlines() if "daily" in line and "T00:00Z" in line]
    assert re.findall(r"2014-06-12T00:00Z|\b2[45]\b", line) == [
        "2014-06-12T00:00Z", "24", "25", "24", "25"
    ]  # fmt: skip
    lines = (meta.out / "tables/differences.csv").read_text().splitlines()
    assert lines[1:] == [
        "daily,2014-06-12T00:00:00Z,total,24,25,2014-06-13T00:00:00Z,2014-06-14T00:00:00Z",
        "daily,2014-06-12T00:00:00Z,approved,24,25,2014-06-13T00:00:00Z,2014-06-14T00:00:00Z",
    ]


def test_the_manifest_has_the_columns_and_notes_of_each_table(meta: Any) -> None:
    meta.rollup("--to", "day")
    tables = {entry["file"]: entry for entry in Book(meta.out / "tables").entries()}
    assert sorted(name for name in tables if name.endswith(".csv")) == [
        "activity_daily.csv",
        "activity_hourly.csv",
        "differences.csv",
    ]
    daily = tables["activity_daily.csv"]
    assert daily["columns"] == [
        ["start", "datetime"],
        ["total", "int"],
        ["rejected", "int"],
        ["pending", "int"],
        ["approved", "int"],
    ]
    assert daily["records"] == 3
    assert daily["notes"]


def test_unchanged_series_are_not_rewritten(meta: Any) -> None:
    meta.rollup("--to", "day")
    result = meta.rollup("--to", "month")
    assert {output["state"] for output in result["outputs"]} == {"up_to_date"}


def test_a_missing_snapshot_refuses_the_series_unless_gaps_are_allowed(meta: Any) -> None:
    (meta.files / "kindle_1.json").unlink()
    result = meta.rollup("--to", "day")
    assert result["exit_code"] == 3
    assert [gap["file"] for gap in result["outputs"][0]["gaps"]] == ["kindle_1.json"]
    result = meta.rollup("--to", "day", "--allow-gaps")
    assert result["exit_code"] == 0
    assert result["outputs"][0]["records"] == 48


def test_a_damaged_snapshot_ends_with_8(meta: Any) -> None:
    path = meta.files / "kindle_1.json"
    path.write_bytes(path.read_bytes().replace(b"48", b"49"))
    result = meta.rollup("--to", "day")
    assert result["exit_code"] == 8
    assert "kindle_1.json" in result["outputs"][-1]["message"]
    assert not list(meta.out.rglob("*.csv"))


def test_tables_of_part_of_a_job_are_refused(meta: Any) -> None:
    result = meta.rollup("--to", "day", "--since", "2014-06-13")
    assert result["exit_code"] == 2
    assert not meta.out.exists()

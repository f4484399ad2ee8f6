"""A day of ten-minute files is combined into one file."""

import gzip
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.usual import usual

from backhaul.ledger.ledger import Ledger
from backhaul.storage.lease import Lease
from backhaul.types import JobState, JobStatus, RemoteFile, Slots, SlotState

DAY = "day/jsonl.gz"
NAME = "worldcup_2014-06-12.jsonl.gz"


def kept(a_day: Any) -> list[bytes]:
    """The input records, in order."""
    found: list[bytes] = []
    for file in a_day.remote:
        lines = [line for line in a_day.texts[file.name].split(b"\n") if line.strip()]
        found += lines[: -file.footer_lines or None]
    return found


def test_records_stay_in_order_and_footers_and_blank_lines_are_dropped(a_day: Any) -> None:
    result = a_day.rollup("--to", "day")
    (output,) = result["outputs"]
    text = gzip.decompress((a_day.out / DAY / NAME).read_bytes())
    assert text.split(b"\n")[:-1] == kept(a_day)
    assert output["file"] == f"{DAY}/{NAME}"
    assert (output["state"], output["records"], output["records_before"]) == ("written", 396, 396)
    assert (output["start"], output["end"]) == ("2014-06-12T00:00:00Z", "2014-06-13T00:00:00Z")


def test_zcat_counts_what_the_manifest_says(a_day: Any) -> None:
    a_day.rollup("--to", "day")
    counted = subprocess.run(
        ["sh", "-c", 'zcat "$1" | wc -l', "sh", a_day.out / DAY / NAME],
        capture_output=True,
        check=True,
    )
    (entry,) = a_day.manifest(DAY)
    assert int(counted.stdout) == entry["records"] == 396
    assert entry["gaps"] == []
    assert entry["sha256"] == hashlib.sha256((a_day.out / DAY / NAME).read_bytes()).hexdigest()


def test_sha256sum_accepts_the_outputs(a_day: Any) -> None:
    a_day.rollup("--to", "hour")
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "_SHA256SUMS"],
        check=False,
        cwd=a_day.out / "hour/jsonl.gz",
    )
    assert checked.returncode == 0
    assert len(list((a_day.out / "hour/jsonl.gz").glob("*.jsonl.gz"))) == 24


@pytest.mark.parametrize("form", ["jsonl.gz", "jsonl.zst"])
def test_duckdb_reads_json_roll_ups_and_counts_the_same(a_day: Any, form: str) -> None:
    a_day.rollup("--to", "hour", "--format", form)
    folder = a_day.out / "hour" / form
    (found,) = duckdb.sql(
        f"SELECT count(*), count(DISTINCT id), min(body) FROM read_json('{folder}/*.{form}', format='newline_delimited')"
    ).fetchall()
    assert found == (396, 396, "a goal\u2028 é")
    assert sum(entry["records"] for entry in a_day.manifest(f"hour/{form}")) == 396


def test_duckdb_reads_parquet_with_the_record_and_its_key_columns(a_day: Any) -> None:
    a_day.rollup("--to", "day", "--format", "parquet")
    path = a_day.out / "day/parquet/worldcup_2014-06-12.parquet"
    # As text: DuckDB needs another package to return a time with a time zone.
    table = duckdb.sql(
        f"SELECT * REPLACE (strftime(time, '%Y-%m-%dT%H:%M:%S') AS time) FROM read_parquet('{path}')"
    )
    assert table.columns == ["id", "time", "kind", "author", "text", "raw"]
    rows = table.fetchall()
    assert len(rows) == a_day.manifest("day/parquet")[0]["records"] == 396
    assert [row[-1].encode() for row in rows] == [line.strip() for line in kept(a_day)]
    first = json.loads(rows[0][-1])
    assert rows[0][0] == first["id"]
    assert rows[0][1] == first["postedTime"].removesuffix(".000Z")
    assert rows[0][2:5] == ("post", "user0", "a goal\u2028 é")


def test_a_day_with_one_slot_deleted_is_refused_naming_it(a_day: Any) -> None:
    gone = a_day.remote[7]
    (a_day.files / gone.name).unlink()
    result = a_day.rollup("--to", "day")
    assert result["exit_code"] == 3
    (output,) = result["outputs"]
    assert output["state"] == "refused"
    assert output["gaps"] == [
        {
            "start": gone.start.isoformat().replace("+00:00", "Z"),
            "end": gone.end.isoformat().replace("+00:00", "Z"),
            "state": "missing",
            "file": gone.name,
        }
    ]
    assert not a_day.out.exists()


def test_the_printed_refusal_names_the_slot(a_day: Any) -> None:
    gone = a_day.remote[7]
    (a_day.files / gone.name).unlink()
    code, out, _ = a_day.command("--to", "day")
    assert code == 3
    assert (
        f"{gone.start:%Y-%m-%dT%H:%MZ} to {gone.end:%Y-%m-%dT%H:%MZ}  missing  {gone.name}" in out
    )
    assert "--allow-gaps" in out


def test_gaps_that_are_allowed_are_named_in_the_manifest(a_day: Any) -> None:
    gone = a_day.remote[7]
    (a_day.files / gone.name).unlink()
    result = a_day.rollup("--to", "day", "--allow-gaps")
    assert result["exit_code"] == 0
    (entry,) = a_day.manifest(DAY)
    assert [gap["file"] for gap in entry["gaps"]] == [gone.name]
    assert entry["records"] == 393


def test_the_other_hours_are_rolled_up_if_one_is_refused(a_day: Any) -> None:
    (a_day.files / a_day.remote[0].name).unlink()
    result = a_day.rollup("--to", "hour")
    states = [output["state"] for output in result["outputs"]]
    assert states == ["refused", *["written"] * 23]


@pytest.mark.parametrize("state", [SlotState.MISSING, SlotState.CORRUPT, SlotState.FAILED])
def test_a_slot_in_any_bad_state_is_refused(a_day: Any, state: SlotState) -> None:
    a_day.fail(a_day.remote[3], state, "the provider has it no more")
    (output,) = a_day.rollup("--to", "day")["outputs"]
    assert (output["state"], output["gaps"][0]["state"]) == ("refused", state.value)


def test_a_suspect_file_is_refused_and_rolled_up_only_when_gaps_are_allowed(archive: Any) -> None:
    archive.put("a.gz", b'{"a": 1}\n', datetime(2014, 6, 12, tzinfo=UTC), suspect=True)
    assert archive.rollup("--to", "day")["outputs"][0]["state"] == "refused"
    (output,) = archive.rollup("--to", "day", "--allow-gaps")["outputs"]
    assert (output["records"], output["gaps"][0]["state"]) == (1, "suspect")


def test_slots_that_are_not_due_yet_leave_their_period_for_later(a_day: Any) -> None:
    start = datetime(2014, 6, 12, tzinfo=UTC)
    ten = timedelta(minutes=10)
    slots = (
        Slots(start, start + timedelta(days=1), every=ten),
        Slots(start + timedelta(days=1), start + timedelta(days=2), state=SlotState.PENDING),
    )
    with Ledger(a_day.dest / ".backhaul") as ledger:
        ledger.jobs.save_status(
            ledger.jobs.get("worldcup").id, JobStatus(JobState.READY, slots=slots)
        )  # type: ignore[union-attr]  # it is there
    result = a_day.rollup("--to", "day")
    assert [output["state"] for output in result["outputs"]] == ["written", "not_due"]
    assert result["outputs"][1]["gaps"][0]["file"] is None
    assert result["exit_code"] == 0
    assert "1 output left for later" in a_day.command("--to", "day")[1]


def test_a_file_that_was_never_fetched_is_refused_as_a_period_of_its_own(a_day: Any) -> None:
    late = datetime(2014, 6, 13, tzinfo=UTC)
    with Ledger(a_day.dest / ".backhaul") as ledger:
        job = ledger.jobs.get("worldcup").id  # type: ignore[union-attr]  # it is there
        file = RemoteFile("late.json.gz", start=late, end=late + timedelta(minutes=10))
        ledger.files.add(job, [file])
        ledger.jobs.save_listed(job)
    result = a_day.rollup("--to", "day")
    assert [output["state"] for output in result["outputs"]] == ["written", "refused"]
    assert (result["outputs"][1]["gaps"][0]["state"], result["exit_code"]) == ("pending", 3)


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def reworded(data: bytes) -> bytes:
    """Valid gzip data with the same number of records, but different text."""
    return gzip.compress(gzip.decompress(data).replace(b"goal", b"foul"), mtime=0)


@pytest.mark.parametrize("damage", [flipped, reworded])
def test_a_damaged_file_ends_with_8_and_nothing_is_published(a_day: Any, damage: Any) -> None:
    path: Path = a_day.files / a_day.remote[100].name
    path.write_bytes(damage(path.read_bytes()))
    result = a_day.rollup("--to", "day")
    assert result["exit_code"] == 8
    (output,) = result["outputs"]
    assert output["state"] == "damaged"
    assert path.name in output["message"]
    assert not [path for path in a_day.out.rglob("*") if path.is_file()]


def test_damage_affects_only_its_own_period(a_day: Any) -> None:
    path: Path = a_day.files / a_day.remote[0].name
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    result = a_day.rollup("--to", "hour", "--format", "parquet")
    assert result["exit_code"] == 8
    states = [output["state"] for output in result["outputs"]]
    assert states == ["damaged", *["written"] * 23]
    assert len(list((a_day.out / "hour/parquet").iterdir())) == 23 + 2


def test_two_archives_with_the_same_files_give_the_same_bytes(a_day: Any, tmp_path: Path) -> None:
    for form in ("jsonl.gz", "jsonl.zst", "parquet"):
        a_day.rollup("--to", "hour", "--format", form)
        a_day.rollup("--to", "hour", "--format", form, "-o", str(tmp_path / "other"))
        ours = a_day.out / "hour" / form
        other = tmp_path / "other/worldcup.rollup/hour" / form
        names = sorted(path.name for path in ours.iterdir())
        assert len(names) == 26
        assert names == sorted(path.name for path in other.iterdir())
        assert all((ours / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_up_to_date_outputs_are_skipped(a_day: Any) -> None:
    a_day.rollup("--to", "day")
    path = a_day.out / DAY / NAME
    before = path.stat()
    (output,) = a_day.rollup("--to", "day")["outputs"]
    assert (output["state"], output["records"]) == ("up_to_date", 396)
    assert path.stat().st_ino == before.st_ino
    path.write_bytes(b"")
    assert a_day.rollup("--to", "day")["outputs"][0]["state"] == "written"


def test_a_file_that_arrives_later_has_its_period_rewritten(a_day: Any) -> None:
    gone = a_day.files / a_day.remote[7].name
    data = gone.read_bytes()
    gone.unlink()
    a_day.rollup("--to", "day", "--allow-gaps")
    gone.write_bytes(data)
    (output,) = a_day.rollup("--to", "day")["outputs"]
    assert (output["state"], output["records"], output["gaps"]) == ("written", 396, [])
    (entry,) = a_day.manifest(DAY)
    assert entry["gaps"] == []


def test_a_second_roll_up_of_the_same_job_is_locked_out(a_day: Any) -> None:
    lease = Lease(a_day.dest / ".backhaul", "worldcup.rollup")
    try:
        assert a_day.rollup("--to", "day")["exit_code"] == 11
    finally:
        lease.release()


@pytest.mark.parametrize("name", ["{}", "_{}.part"])
@pytest.mark.parametrize("make", usual([os.mkfifo, Path.mkdir], os.mkfifo))
def test_an_obstacle_fails_only_the_output_of_the_same_name(
    a_day: Any, make: Callable[[Path], None], name: str
) -> None:
    folder = a_day.out / "hour/jsonl.gz"
    folder.mkdir(parents=True)
    first = a_day.remote[0].start
    make(folder / name.format(f"worldcup_{first:%Y-%m-%dT%H}.jsonl.gz"))

    result = a_day.rollup("--to", "hour")

    states = [output["state"] for output in result["outputs"]]
    assert result["exit_code"] == 9
    assert states == ["failed", *["written"] * (len(states) - 1)]
    assert len(states) > 1


@pytest.mark.parametrize("name", ["_MANIFEST.jsonl", "_SHA256SUMS"])
def test_a_pipe_with_the_manifests_name_is_refused(a_day: Any, name: str) -> None:
    folder = a_day.out / "hour/jsonl.gz"
    folder.mkdir(parents=True)
    os.mkfifo(folder / name)

    assert a_day.rollup("--to", "hour")["exit_code"] == 9
    assert (folder / name).is_fifo()


def test_a_job_that_was_never_run_has_nothing_to_roll_up(archive: Any) -> None:
    result = archive.rollup("--to", "day")
    assert (result["exit_code"], result["outputs"]) == (0, [])
    assert "not requested yet" in result["message"]

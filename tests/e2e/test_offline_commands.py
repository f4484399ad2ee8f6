"""Commands that contact no server: gaps, files, verify, status --offline."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.messages import missing_facts

Run = Callable[..., Any]


@pytest.fixture
def home(fetched_day: Any) -> Any:
    """A complete one-day job; its emulator is stopped."""
    return fetched_day


def _files(home: Any) -> list[Path]:
    return sorted((home.archive / "worldcup").glob("*.gz"))


def _without_a_line(path: Path) -> tuple[int, int]:
    """Removes one record from a file, keeping valid gzip; returns the counts before and after."""
    lines = gzip.decompress(path.read_bytes()).split(b"\r\n")
    records = [line for line in lines if line.strip()]
    path.write_bytes(gzip.compress(b"\r\n".join(records[1:]) + b"\r\n"))
    return len(records) - 1, len(records) - 2


def test_gaps_lists_silent_deleted_and_truncated_slots(backhaul: Run, home: Any) -> None:
    silent = backhaul("gaps", home.path, "--json").json["jobs"][0]["slots"]
    deleted, truncated = _files(home)[3], _files(home)[7]
    deleted.unlink()
    truncated.write_bytes(truncated.read_bytes()[:-9])

    ended = backhaul("gaps", home.path, "--json")

    [job] = ended.json["jobs"]
    assert ended.code == 0
    assert job["job"] == "worldcup"
    assert all(slot.keys() >= {"start", "end", "state", "file"} for slot in job["slots"])
    assert {slot["state"] for slot in silent} == {"silent"}
    assert [slot for slot in job["slots"] if slot["state"] == "silent"] == silent
    others = {slot["file"]: slot["state"] for slot in job["slots"] if slot["state"] != "silent"}
    assert others == {deleted.name: "missing", truncated.name: "corrupt"}
    assert job["slots"][0]["start"].endswith("Z")


def test_gaps_are_in_order_of_time(backhaul: Run, home: Any) -> None:
    [job] = backhaul("gaps", home.path, "--json").json["jobs"]

    starts = [slot["start"] for slot in job["slots"]]
    assert starts == sorted(starts)
    assert len(starts) == 144 - len(_files(home))


def test_gaps_as_text_says_how_many_slots_there_are(backhaul: Run, home: Any) -> None:
    ended = backhaul("gaps", home.path, "--all")

    assert ended.out.startswith(f"worldcup: 144 slots: {len(_files(home))} verified")
    slots = [line for line in ended.out.splitlines() if line.startswith("  2014-05-1")]
    assert slots
    assert all("silent" in line for line in slots)


def test_a_job_that_was_never_run_has_no_slots_yet(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)

    assert backhaul("gaps", hpt.path, "--json").json["jobs"] == [{"job": "worldcup", "slots": []}]
    assert "worldcup" in backhaul("gaps", hpt.path).out
    assert not hpt.archive.exists()


def test_verify_of_complete_files_is_0(backhaul: Run, home: Any) -> None:
    ended = backhaul("verify", home.path, "--json")

    assert ended.code == 0
    assert ended.json == {
        "exit_code": 0,
        "jobs": [{"job": "worldcup", "checked": len(_files(home)), "problems": []}],
    }


def test_a_removed_line_is_8_and_both_counts_are_reported(backhaul: Run, home: Any) -> None:
    path = _files(home)[5]
    before, after = _without_a_line(path)

    ended = backhaul("verify", home.path, "--json")

    assert ended.code == ended.json["exit_code"] == 8
    [problem] = ended.json["jobs"][0]["problems"]
    assert problem["file"] == path.name
    assert problem["kind"] == "count_mismatch"
    assert str(before) in problem["message"]
    assert str(after) in problem["message"]


def test_a_removed_line_is_found_even_without_provider_counts(backhaul: Run, bench: Run) -> None:
    stocktwits = bench("stocktwits-backup")
    stocktwits.write(
        **{
            "jobs__stocktwits-december__to": "2016-12-02",
            "jobs__stocktwits-december__file_types": ["message"],
        }
    )
    backhaul("run", stocktwits.path)
    [path] = (stocktwits.archive / "stocktwits-december").glob("*.gz")
    records = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(records[1:])))

    ended = backhaul("verify", stocktwits.path, "--json")

    [problem] = ended.json["jobs"][0]["problems"]
    assert ended.code == 8
    counts = (f"{len(records) - 1} records", str(len(records)))
    assert not missing_facts(problem["message"], "", *counts)

    again = backhaul("run", stocktwits.path, "--json")

    assert again.json["jobs"][0]["files"]["fetched"] == 1
    assert gzip.decompress(path.read_bytes()).splitlines(keepends=True) == records


def test_files_that_verify_finds_broken_are_fetched_by_the_next_run(
    backhaul: Run, bench: Run
) -> None:
    hpt = bench(slots=12, silent=0.0)
    backhaul("run", hpt.path)
    removed, flipped, gone = _files(hpt)[:3]
    before = {path: path.read_bytes() for path in (removed, flipped, gone)}
    _without_a_line(removed)
    flipped.write_bytes(before[flipped][:40] + b"\0\0\0" + before[flipped][43:])
    gone.unlink()

    found = backhaul("verify", hpt.path, "--json")
    marked = {
        slot["file"]: slot["state"]
        for slot in backhaul("gaps", hpt.path, "--json").json["jobs"][0]["slots"]
    }
    ended = backhaul("run", hpt.path, "--json")

    kinds = {each["file"]: each["kind"] for each in found.json["jobs"][0]["problems"]}
    assert kinds == {
        removed.name: "count_mismatch",
        flipped.name: "corrupt",
        gone.name: "not_found",
    }
    assert marked == {removed.name: "corrupt", flipped.name: "corrupt", gone.name: "pending"}
    assert (ended.code, ended.json["jobs"][0]["files"]["fetched"]) == (0, 3)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("damage", ["gone", "garbage", "torn"])
def test_a_ledger_is_rebuilt_from_the_files(backhaul: Run, bench: Run, damage: str) -> None:
    hpt = bench(slots=12)
    first = backhaul("run", hpt.path, "--json").json["jobs"][0]
    before = hpt.file_requests()
    ledger = hpt.archive / ".backhaul" / "ledger.sqlite"
    if damage == "gone":
        ledger.unlink()
    elif damage == "garbage":
        ledger.write_bytes(b"no ledger at all" * 999)
    else:
        whole = ledger.read_bytes()
        ledger.write_bytes(whole[: len(whole) // 2])

    rebuilt = backhaul("verify", hpt.path, "--rebuild", "--json")
    again = backhaul("run", hpt.path, "--json")

    kept = list(ledger.parent.glob("ledger.sqlite.damaged-*"))
    assert rebuilt.code == 0
    assert rebuilt.json["jobs"][0]["checked"] == first["files"]["verified"]
    assert len(kept) == (0 if damage == "gone" else 1)
    assert again.code == 0
    assert again.json["jobs"][0]["files"]["fetched"] == 0
    assert again.json["jobs"][0]["records"] == first["records"]
    assert hpt.file_requests() == before


def test_a_sound_ledger_is_left_alone_by_rebuild(backhaul: Run, home: Any) -> None:
    ended = backhaul("verify", home.path, "--rebuild")

    assert ended.code == 0
    assert ended.err.count("\n") == 1


def test_files_can_be_requested_by_state(backhaul: Run, home: Any) -> None:
    victim = _files(home)[0]
    victim.unlink()

    ended = backhaul("files", home.path, "--state", "missing", "--json")

    [found] = ended.json["jobs"][0]["files"]
    assert found["file"] == victim.name
    assert {"state", "start", "end", "size", "records", "sha256", "kind", "message"} <= found.keys()
    assert backhaul("files", home.path).out.count("  verified  ") == len(_files(home))


def test_an_unknown_state_is_refused(backhaul: Run, home: Any) -> None:
    ended = backhaul("files", home.path, "--state", "fine")

    assert ended.code == 2
    assert not missing_facts(ended.err, "backhaul: ", "--state", "fine", "pending", "verified")


def test_offline_status_shows_the_last_known_state(backhaul: Run, home: Any) -> None:
    [job] = backhaul("status", home.path, "--offline", "--json").json["jobs"]

    assert job["at_provider"]["state"] == "ready"
    assert job["at_provider"]["expires_at"].endswith("Z")
    assert job["here"]["verified"] == len(_files(home))
    assert "of 1" in backhaul("status", home.path, "--offline").out


def test_status_asks_the_provider(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)

    ended = backhaul("status", hpt.path)

    assert ended.code == 0
    assert "provider: ready" in ended.out
    assert "0 of 6 files" in ended.out
    assert hpt.file_requests() == 0


def test_offline_commands_need_neither_credentials_nor_a_plugin(backhaul: Run, home: Any) -> None:
    home.write(sources__account__password="${NOT_SET_AT_ALL}")
    assert backhaul("verify", home.path).code == 0
    home.write(sources__account__provider="no-such-provider")

    for words in (["gaps"], ["files"], ["status", "--offline"]):
        assert backhaul(words[0], home.path, *words[1:]).code == 0
    assert json.loads(backhaul("gaps", home.path, "--json").out)["jobs"][0]["slots"]

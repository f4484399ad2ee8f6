"""The commands are consistent in their arguments, output and exit codes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from backhaul import JobState, JobStatus, RemoteFile, Slots
from backhaul.cli.app import COMMANDS, load
from backhaul.ledger.ledger import Ledger

Run = Callable[..., Any]
NO_PROVIDERS = (
    "import sys, importlib.metadata as m\n"
    "m.entry_points = lambda **_: ()\n"
    "from backhaul.cli.main import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)
OFFLINE: dict[str, list[str]] = {
    "status": ["--offline"],
    "files": [],
    "gaps": [],
    "verify": [],
    "validate": [],
    "rollup": ["--to", "day", "--allow-gaps"],
}


@pytest.fixture
def two(day_at_home: Any, tmp_path: Path) -> list[Path]:
    """Two files, each with a job of the same name, in different destinations."""
    other = tmp_path / "other" / "second.yaml"
    other.parent.mkdir()
    other.write_text(yaml.safe_dump(day_at_home.document, sort_keys=False))
    return [day_at_home.path, other]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_command_takes_many_files_and_its_json_has_the_exit_code(
    backhaul: Run, two: list[Path], name: str
) -> None:
    ended = backhaul(name, *two, *OFFLINE[name], "--json")

    assert ended.json["exit_code"] == ended.code
    if name != "validate":
        assert [each["job"] for each in ended.json["jobs"]] == ["worldcup", "worldcup"]


def test_two_jobs_of_one_name_are_told_apart(backhaul: Run, two: list[Path]) -> None:
    first, second = backhaul("verify", *two, "--json").json["jobs"]

    assert first["checked"] > 0
    assert second["checked"] == 0


def test_jobs_are_listed_for_many_files_with_start_and_end(backhaul: Run, bench: Run) -> None:
    hpt, stocktwits = bench(slots=6), bench("stocktwits-backup")

    ended = backhaul("jobs", hpt.path, stocktwits.path, "--json")

    first, second = ended.json["sources"]
    assert (first["provider"], second["provider"]) == ("gnip-hpt", "stocktwits-backup")
    job = first["jobs"][0]
    assert job["start"] == job["from"] is not None
    assert job["end"] == job["to"] is not None


def test_status_asks_for_the_jobs_of_many_files(backhaul: Run, bench: Run, tmp_path: Path) -> None:
    hpt = bench(slots=6)
    other = tmp_path / "elsewhere.yaml"
    other.write_text(yaml.safe_dump({**hpt.document, "settings": {"dest": "elsewhere"}}))

    ended = backhaul("status", hpt.path, other, "--json")

    assert [job["at_provider"]["state"] for job in ended.json["jobs"]] == ["ready", "ready"]


def test_the_file_here_is_taken_when_none_is_given(
    backhaul: Run, day_at_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_at_home.path.rename(day_at_home.path.with_name("backhaul.yaml"))
    monkeypatch.chdir(day_at_home.path.parent)

    [job] = backhaul("files", "--json").json["jobs"]

    assert job["job"] == "worldcup"


@pytest.mark.parametrize("name", OFFLINE)
def test_q_prints_nothing_on_success(backhaul: Run, day_at_home: Any, name: str) -> None:
    ended = backhaul(name, day_at_home.path, *OFFLINE[name], "-q")

    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_quiet_run_prints_nothing_when_all_is_well_and_what_failed_otherwise(
    backhaul: Run, bench: Run
) -> None:
    good = bench(slots=6)
    bad = bench("massrelevance-meta", faults="not_found:all")

    well = backhaul("run", good.path, "-q")
    failed = backhaul("run", bad.path, "-q")

    assert (well.code, well.out, well.err) == (0, "", "")
    assert failed.code == 3
    assert "not_found" in failed.out


def test_a_quiet_verify_names_what_is_broken(backhaul: Run, day_at_home: Any) -> None:
    victim = min((day_at_home.archive / "worldcup").glob("*.gz"))
    victim.write_bytes(b"broken")

    ended = backhaul("verify", day_at_home.path, "-q")

    assert ended.code == 8
    assert victim.name in ended.out


def test_json_is_printed_quiet_or_not(backhaul: Run, day_at_home: Any) -> None:
    assert backhaul("files", day_at_home.path, "-q", "--json").json["jobs"]


def test_silent_slots_are_counted_in_a_line_and_listed_when_asked_for(
    backhaul: Run, day_at_home: Any
) -> None:
    [job] = backhaul("gaps", day_at_home.path, "--json").json["jobs"]
    short = backhaul("gaps", day_at_home.path).out.splitlines()
    every = backhaul("gaps", day_at_home.path, "--all").out.splitlines()

    assert {slot["state"] for slot in job["slots"]} == {"silent"}
    assert len(short) == 2
    assert f"{len(job['slots'])} silent" in short[1]
    assert len([line for line in every if "2014-05-1" in line]) > 1


@pytest.mark.parametrize("name", ["demo", "emulate"])
def test_without_providers_there_is_nothing_to_emulate(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_PROVIDERS, name], capture_output=True, text=True, check=False
    )

    assert done.returncode == 12
    assert done.stdout == ""
    assert done.stderr.startswith("backhaul: error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", [*COMMANDS, "plugins list", "plugins new", "plugins test"])
def test_the_help_has_two_examples(name: str) -> None:
    if name == "plugins":
        return
    done = subprocess.run(
        [sys.executable, "-m", "backhaul", *name.split(), "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )

    examples = done.stdout.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) >= 2
    assert all(line.startswith(f"    backhaul {name}") for line in examples)
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_every_command_has_its_line_in_the_list() -> None:
    assert all((load(name).help or "").splitlines()[0] == line for name, line in COMMANDS.items())


def test_verify_counts_only_what_it_read(backhaul: Run, day_at_home: Any) -> None:
    files = sorted((day_at_home.archive / "worldcup").glob("*.gz"))
    files[0].unlink()
    files[1].write_bytes(b"broken")

    [job] = backhaul("verify", day_at_home.path, "--json").json["jobs"]

    assert job["checked"] == len(files) - 1
    assert {each["file"] for each in job["problems"]} == {files[0].name, files[1].name}


def test_a_list_of_suspect_minutes_is_no_slot_and_no_data(backhaul: Run, bench: Run) -> None:
    path = bench(slots=12, silent=0.0, suspect_minutes=True).path
    backhaul("run", path)

    assert "12 slots: 12 verified" in backhaul("gaps", path).out
    assert "12 of 12 files" in backhaul("status", path).out


def test_bytes_fetched_are_the_bytes_as_stored(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12, silent=0.0, faults="drop:3")

    [job] = backhaul("run", hpt.path, "--json").json["jobs"]

    stored = sum(path.stat().st_size for path in (hpt.archive / "worldcup").glob("*.gz"))
    assert job["bytes_fetched"] == stored


def test_a_million_slots_without_files_are_looked_at_as_one(backhaul: Run, tmp_path: Path) -> None:
    """790,436 slots: 23 s when each was looked at by itself."""
    path = tmp_path / "a.yaml"
    url = "http://127.0.0.1:1/{start:%Y%m%d%H%M}.gz"
    path.write_text(
        yaml.safe_dump(
            {
                "version": 1,
                "sources": {"s": {"provider": "http-series", "url": url, "every": "10m"}},
                "jobs": {"j": {"source": "s", "from": "2010-01-01", "to": "2026-01-01"}},
                "settings": {"dest": "archive"},
            }
        )
    )
    first, ten = datetime(2010, 1, 1, tzinfo=UTC), timedelta(minutes=10)
    run = Slots(first, first + 790_436 * ten, every=ten)
    with Ledger(tmp_path / "archive" / ".backhaul") as ledger:
        job = ledger.jobs.open("j", source="s", provider="http-series")
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=(run,)))
        ledger.jobs.save_listed(job)
        ledger.files.add(job, [RemoteFile("a.gz", start=first + ten, end=first + 2 * ten)])
        ledger.commit()

    began = time.process_time()
    shown = backhaul("gaps", path).out
    backhaul("report", path, "-o", tmp_path / "r.html")
    spent = time.process_time() - began
    [found] = backhaul("gaps", path, "--json").json["jobs"]

    assert "790,436 slots: 790,435 silent, 1 pending" in shown
    assert spent < 4
    assert len(found["slots"]) == 790_436
    assert [each["start"] for each in found["slots"][:3]] == [
        "2010-01-01T00:00:00Z",
        "2010-01-01T00:10:00Z",
        "2010-01-01T00:20:00Z",
    ]
    assert [each["file"] for each in found["slots"][:3]] == [None, "a.gz", None]
    assert found["slots"][-1]["end"] == (first + 790_436 * ten).isoformat().replace("+00:00", "Z")
    assert all(a["end"] == b["start"] for a, b in pairwise(found["slots"]))

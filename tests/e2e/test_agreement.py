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
from tests import warm
from tests.terminal import on_terminal
from tests.usual import usual

from backhaul import JobState, JobStatus, RemoteFile, Slots
from backhaul.cli.app import COMMANDS, load
from backhaul.ledger.ledger import Ledger

Run = Callable[..., Any]
NO_PROVIDERS = (
    "import sys, importlib.metadata as m\n"
    "m.distributions = lambda **_: ()\n"
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
def two(fetched_day: Any, tmp_path: Path) -> list[Path]:
    """Two files, each with a job of the same name, in different destinations."""
    other = tmp_path / "other" / "second.yaml"
    other.parent.mkdir()
    other.write_text(yaml.safe_dump(fetched_day.document, sort_keys=False))
    return [fetched_day.path, other]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_command_takes_many_files_and_its_json_has_the_exit_code(
    backhaul: Run, two: list[Path], name: str
) -> None:
    ended = backhaul(name, *two, *OFFLINE[name], "--json")

    assert ended.json["exit_code"] == ended.code
    if name != "validate":
        assert [each["job"] for each in ended.json["jobs"]] == ["worldcup", "worldcup"]


@pytest.mark.parametrize(
    "words",
    [
        *(
            [name]
            for name in ("run", "plan", "jobs", "status", "files", "gaps", "verify", "report")
        ),
        ["rollup", "--to", "day"],
        ["copy", "--to", "elsewhere"],
    ],
    ids=" ".join,
)
def test_json_has_the_exit_code_if_the_command_cannot_start(
    backhaul: Run, words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("version: 2\nsources: []\n")
    if "--json" not in backhaul(words[0], "--help").out:
        pytest.skip("has no --json")
    done = backhaul(*words, path, "--json")
    assert done.code == 2
    assert done.json["exit_code"] == 2
    assert [f"{path}:1:10" in done.json["problems"][0], len(done.json["problems"])] == [True, 2]


COMMAND_LINES = [
    *(name for name in COMMANDS if name != "copy"),
    "copy --to elsewhere",
    "report",
    "rollup --to day",
    "doctor",
]


@pytest.mark.parametrize(
    "name",
    usual(
        [*COMMAND_LINES, "plugins list", "plugins test"], "run", "status", "report", "plugins test"
    ),
)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--no-such-option"], "--no-such-option"),
        (["--color", "plaid"], "plaid"),
        (["--verbose=3"], "--verbose"),
        (["--log-file", "/dev/null/log"], "/dev/null/log"),
    ],
    ids=["unknown option", "wrong value", "value of a flag", "no log file"],
)
def test_json_has_the_exit_code_of_a_wrong_command_line(
    backhaul: Run, name: str, wrong: list[str], message: str
) -> None:
    words = name.split()
    if "--json" not in backhaul(*words, "--help").out:
        pytest.skip("has no --json")

    done = backhaul(*words, "--json", *wrong)

    assert done.code in {2, 9}
    assert done.json["exit_code"] == done.code
    [problem] = done.json["problems"]
    assert message in problem


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rollup"], "--to"),
        (["files", "--csv"], "--csv"),
        (["no-such-command"], "no-such-command"),
        (["run", "--connections", "many"], "--connections"),
        (["run", "--since", "whenever"], "whenever"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_json_has_the_exit_code_of_any_misuse(
    backhaul: Run, words: list[str], message: str
) -> None:
    done = backhaul(*words, "--json")

    assert done.code == 2
    assert done.json["exit_code"] == 2
    [problem] = done.json["problems"]
    assert message in problem
    assert "\n" not in problem


def test_a_command_without_json_prints_none_for_a_wrong_command_line(backhaul: Run) -> None:
    for words in (["plugins", "new", "--json"], ["files", "--no-such-option", "--", "--json"]):
        assert backhaul(*words).out == ""


def test_two_jobs_of_one_name_are_distinguished(backhaul: Run, two: list[Path]) -> None:
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


def test_the_default_file_is_used_if_none_is_given(
    backhaul: Run, fetched_day: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched_day.path.rename(fetched_day.path.with_name("backhaul.yaml"))
    monkeypatch.chdir(fetched_day.path.parent)

    [job] = backhaul("files", "--json").json["jobs"]

    assert job["job"] == "worldcup"


@pytest.mark.parametrize("name", OFFLINE)
def test_quiet_prints_nothing_on_success(backhaul: Run, fetched_day: Any, name: str) -> None:
    ended = backhaul(name, fetched_day.path, *OFFLINE[name], "-q")

    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_quiet_run_prints_nothing_on_success_and_the_failures_otherwise(
    backhaul: Run, bench: Run
) -> None:
    good = bench(slots=6)
    bad = bench("massrelevance-meta", faults="not_found:all")

    well = backhaul("run", good.path, "-q")
    failed = backhaul("run", bad.path, "-q")

    assert (well.code, well.out, well.err) == (0, "", "")
    assert failed.code == 3
    assert "not_found" in failed.out


def test_a_quiet_verify_names_what_is_broken(backhaul: Run, fetched_day: Any) -> None:
    victim = min((fetched_day.archive / "worldcup").glob("*.gz"))
    victim.write_bytes(b"broken")

    ended = backhaul("verify", fetched_day.path, "-q")

    assert ended.code == 8
    assert victim.name in ended.out


def test_json_is_printed_even_if_quiet(backhaul: Run, fetched_day: Any) -> None:
    assert backhaul("files", fetched_day.path, "-q", "--json").json["jobs"]


def test_silent_slots_are_counted_in_a_line_and_listed_when_requested(
    backhaul: Run, fetched_day: Any
) -> None:
    [job] = backhaul("gaps", fetched_day.path, "--json").json["jobs"]
    short = backhaul("gaps", fetched_day.path).out.splitlines()
    every = backhaul("gaps", fetched_day.path, "--all").out.splitlines()

    assert {slot["state"] for slot in job["slots"]} == {"silent"}
    assert len(short) == 2
    assert f"{len(job['slots'])} silent" in short[1]
    assert len([line for line in every if "2014-05-1" in line]) > 1


@pytest.mark.parametrize("command", [["jobs"], ["status"], ["gaps"]])
def test_tables_fit_80_columns_and_break_no_word(bench: Run, command: list[str]) -> None:
    one = bench(slots=12, silent=0.3)
    program = [sys.executable, "-m", "backhaul", *command, os.path.relpath(one.path)]
    _, narrow = on_terminal(program, columns=80, stderr=subprocess.DEVNULL)
    _, wide = on_terminal(program, columns=200, stderr=subprocess.DEVNULL)

    assert max(map(len, narrow.splitlines())) <= 80
    words = set(wide.split())
    broken = [word for word in narrow.split() if word.isalpha() and word not in words]
    assert broken == []


@pytest.mark.parametrize("name", ["demo", "emulate"])
def test_without_providers_there_is_nothing_to_emulate(name: str) -> None:
    done = subprocess.run(  # a warm process has found the providers already
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
    done = warm.run(
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


def test_verify_counts_only_what_it_read(backhaul: Run, fetched_day: Any) -> None:
    files = sorted((fetched_day.archive / "worldcup").glob("*.gz"))
    files[0].unlink()
    files[1].write_bytes(b"broken")

    [job] = backhaul("verify", fetched_day.path, "--json").json["jobs"]

    assert job["checked"] == len(files) - 1
    assert {each["file"] for each in job["problems"]} == {files[0].name, files[1].name}


def test_a_list_of_suspect_minutes_is_neither_a_slot_nor_data(backhaul: Run, bench: Run) -> None:
    path = bench(slots=12, silent=0.0, suspect_minutes=True).path
    backhaul("run", path)

    assert "12 slots: 12 verified" in backhaul("gaps", path).out
    assert "12 of 12 files" in backhaul("status", path).out


def test_bytes_fetched_are_the_bytes_as_stored(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12, silent=0.0, faults="drop:3")

    [job] = backhaul("run", hpt.path, "--json").json["jobs"]

    stored = sum(path.stat().st_size for path in (hpt.archive / "worldcup").glob("*.gz"))
    assert job["bytes_fetched"] == stored


@pytest.mark.parametrize(
    "provider",
    ["datasift-historics", "massrelevance-meta", "stocktwits-backup", "http-series", "http-index"],
)
def test_bytes_fetched_are_the_sizes_of_the_files(backhaul: Run, bench: Run, provider: str) -> None:
    one = bench(provider)

    jobs = backhaul("run", one.path, "--json").json["jobs"]

    listed = backhaul("files", one.path, "--json").json["jobs"]
    sizes = {job["job"]: sum(file["size"] or 0 for file in job["files"]) for job in listed}
    assert {job["job"]: job["bytes_fetched"] for job in jobs} == sizes
    assert any(sizes.values())


def test_a_million_slots_without_files_are_one_range(backhaul: Run, tmp_path: Path) -> None:
    """790,436 slots took 23 s when each was queried separately."""
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
    some = 5_436  # which are listed one by one
    with Ledger(tmp_path / "archive" / ".backhaul") as ledger:
        run = Slots(first, first + some * ten, every=ten)
        ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=(run,)))
    [found] = backhaul("gaps", path, "--json").json["jobs"]

    assert "790,436 slots: 790,435 silent, 1 pending" in shown
    assert spent < 4
    assert len(found["slots"]) == some
    assert [each["start"] for each in found["slots"][:3]] == [
        "2010-01-01T00:00:00Z",
        "2010-01-01T00:10:00Z",
        "2010-01-01T00:20:00Z",
    ]
    assert [each["file"] for each in found["slots"][:3]] == [None, "a.gz", None]
    assert found["slots"][-1]["end"] == (first + some * ten).isoformat().replace("+00:00", "Z")
    assert all(a["end"] == b["start"] for a, b in pairwise(found["slots"]))

"""``settings.on_job`` and ``settings.on_files``, with real processes that no run waits for forever."""

import json
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.event_lines import read
from tests.messages import assert_messages
from tests.soon import SOON
from tests.usual import usual

import backhaul as api

NOTE = """
import json, sys
with open(sys.argv[1], "a") as file:
    json.dump({"words": sys.argv[2:], "stdin": sys.stdin.buffer.read().decode()}, file)
    file.write("\\n")
"""
FAIL = "import sys; print('no such channel'); sys.exit(4)"


def python(code: str, *words: object) -> list[str]:
    return [sys.executable, "-c", code.replace("{", "{{").replace("}", "}}"), *map(str, words)]


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except (FileNotFoundError, ProcessLookupError):
        return False


def notes(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_command_runs_for_each_job_with_its_fields_and_its_result(
    bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, file = bench(slots=6, silent=0.0, faults="not_found:all@*_00_10_*"), tmp_path / "notes"
    words = (
        "{job}",
        "{state}",
        "{exit_code}",
        "{fetched}/{listed}",
        "{{}}; rm -rf $HOME `id` {job}",
    )
    one.write(settings__on_job={"command": python(NOTE, file, *words)})

    ran = backhaul("run", one.path, "--json", "--connections", "3")

    (job,) = ran.json["jobs"]
    (note,) = notes(file)
    name = job["job"]
    assert note["words"] == [name, "partial", "3", "5/6", f"{{}}; rm -rf $HOME `id` {name}"]
    assert json.loads(note["stdin"]) == {**job, "exit_code": 3}
    assert job["warnings"] == []


def test_it_runs_from_the_api_in_the_folder_of_the_file(bench: Any) -> None:
    one = bench(slots=2)
    one.write(settings__on_job={"command": ["sh", "-c", "echo $0 > ended", "{folder}"]})

    result = api.load(one.path).run()

    assert (one.path.parent / "ended").read_text().strip() == result.jobs[0].folder


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (python(FAIL), "failed with exit code 4: no such channel"),
        (["/no/such/program"], "/no/such/program cannot be run: No such file or directory"),
        (["sh", "-c", "kill -9 $$$$"], "was killed by SIGKILL"),
        (["sh", "-c", "echo begun; sleep 60"], "did not end within 1 s: begun"),
    ],
)
@pytest.mark.parametrize("setting", usual(["on_job", "on_files"], "on_job"))
def test_a_command_that_fails_is_a_warning_or_a_failure_by_choice(
    setting: str, command: list[str], message: str, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=2, silent=0.0)
    keys = {"command": command, "timeout": "1s"}
    one.write(**{f"settings__{setting}": keys})

    warned = backhaul("run", one.path, "--json")

    (job,) = warned.json["jobs"]
    (warning,) = job["warnings"]
    assert warning.startswith(f"{setting}: ")
    assert message in warning
    assert (warned.code, job["state"], job["failures"]) == (0, "complete", [])

    one.write(**{f"settings__{setting}": {**keys, "on_error": "fail"}})
    failed = backhaul("run", one.path, "--json", "--refresh")

    (job,) = failed.json["jobs"]
    if setting == "on_job" or job["files"]["fetched"]:
        (failure,) = job["failures"]
        assert (failure["kind"], failure["file"]) == ("command", None)
        assert message in failure["message"]
        assert (failed.code, job["state"]) == (3, "complete")


def test_output_goes_to_the_log(bench: Any, backhaul: Any, tmp_path: Path) -> None:
    one, log = bench(slots=1), tmp_path / "log"
    one.write(settings__on_job={"command": ["sh", "-c", "echo one; printf 'two \\033[1m' >&2"]})

    ran = backhaul("run", one.path, "--log-file", log)

    lines = log.read_text().splitlines()
    assert [line.partition(": on_job: ")[2] for line in lines if ": on_job: " in line] == [
        "one",
        r"two \x1b[1m",
    ]
    assert "one" not in ran.out.split()


def test_a_command_that_prints_millions_of_lines_is_not_blocked(bench: Any, backhaul: Any) -> None:
    one = bench(slots=2)
    program = "yes | head -c 30000000; echo at the end; exit 1"
    one.write(settings__on_job={"command": ["sh", "-c", program], "timeout": f"{SOON:.0f}s"})

    ran = backhaul("run", one.path, "--json")

    (job,) = ran.json["jobs"]
    assert job["warnings"] == ["on_job: sh failed with exit code 1: at the end"]


def test_files_arrive_in_batches_each_once(bench: Any, backhaul: Any, tmp_path: Path) -> None:
    one, file = bench(slots=24, silent=0.0), tmp_path / "notes"
    command = python(NOTE, file, "{job}", "{folder}", "{count}")
    one.write(settings__on_files={"command": command, "batch": 10, "separator": "nul"})

    ran = backhaul("run", one.path, "--json")

    (job,) = ran.json["jobs"]
    names = []
    for note in notes(file):
        own = note["stdin"].removesuffix("\0").split("\0")
        assert note["words"] == [job["job"], job["folder"], str(len(own))]
        names += own
    assert len(names) == len(set(names)) == job["files"]["fetched"] == 24
    assert all(Path(job["folder"], name).is_file() for name in names)


def test_a_slow_command_does_not_block_transfers_and_batches_grow(
    bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, file = bench(slots=48, silent=0.0), tmp_path / "notes"
    code = "import time; time.sleep(1.5)\n" + NOTE
    events = tmp_path / "events"
    one.write(settings__on_files={"command": python(code, file), "batch": 1, "wait": "0s"})

    assert backhaul("run", one.path, "--events", events).code == 0

    sizes = [note["stdin"].count("\n") for note in notes(file)]
    assert sum(sizes) == 48
    assert len(sizes) < 24
    at = {each["event"]: datetime.fromisoformat(each["time"]) for each in read(events)}
    assert at["run_ended"] - at["file_done"] > timedelta(seconds=1), "the transfers ended before"


def test_the_command_of_a_job_runs_after_those_of_its_files(
    bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, file = bench(slots=3, silent=0.0), tmp_path / "notes"
    one.write(
        settings__on_files={"command": python(NOTE, file, "files"), "wait": "1h"},
        settings__on_job={"command": python(NOTE, file, "job")},
    )

    assert backhaul("run", one.path).code == 0

    assert [note["words"] for note in notes(file)] == [["files"], ["job"]]


@pytest.mark.parametrize("setting", ["on_job", "on_files"])
def test_ctrl_c_ends_a_command_and_what_it_started_within_two_seconds(
    setting: str, bench: Any, spawn: Any, tmp_path: Path
) -> None:
    one, pid = bench(slots=2, silent=0.0), tmp_path / "pid"
    code = f"trap '' TERM; sleep 300 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"
    one.write(**{f"settings__{setting}": {"command": ["sh", "-c", code], "wait": "0s"}})
    if setting == "on_job":
        one.write(settings__on_job={"command": ["sh", "-c", code]})
    process = spawn("run", one.path, "--json")
    while not pid.exists():
        time.sleep(0.05)

    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)

    assert time.monotonic() - started < SOON
    assert process.returncode == 130
    (job,) = json.loads(out)["jobs"]
    assert any("was terminated because the run was stopped" in text for text in job["warnings"])
    while is_alive(int(pid.read_text())):  # init may take a moment to reap it
        assert time.monotonic() - started < 3 * SOON
        time.sleep(0.05)


def test_after_ctrl_c_no_command_starts(bench: Any, spawn: Any, tmp_path: Path) -> None:
    one, file = bench(slots=24, silent=0.0, faults="slow=20000:all"), tmp_path / "notes"
    one.write(settings__connections=1, settings__on_job={"command": python(NOTE, file)})
    events = tmp_path / "events"
    process = spawn("run", one.path, "--json", "--events", events)
    while not events.exists() or "file_done" not in events.read_text():
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)

    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["jobs"][0]["warnings"] == []
    assert not file.exists()


@pytest.mark.parametrize(
    ("setting", "keys", "column", "message"),
    [
        ("on_job", '{command: [notify, "{jbo}"]}', 30, ('"{jbo}"', "did you mean {job}?")),
        ("on_job", '{command: [notify, "{x y}"]}', 30, ('"{x y}"', "known fields: {job}")),
        ("on_job", '{command: [notify, "{job.x}"]}', 30, ('"{job.x}"',)),
        ("on_job", '{command: [notify, "{job!r:>9}"]}', 30, ("{job}",)),
        ("on_job", '{command: [notify, "{count}"]}', 30, ('"{count}"',)),
        ("on_job", '{command: [notify, "}"]}', 30, ("{{",)),
        ("on_job", '{command: ["{job}"]}', 21, ("program without fields",)),
        ("on_job", "{command: []}", 21, ("at least 1 entry",)),
        ("on_job", "{command: notify}", 21, ("should be a list",)),
        ("on_job", "{comand: [notify]}", 12, ('"comand"', '"command"')),
        ("on_job", "{command: [notify], on_error: ignore}", 41, ("warn", "fail")),
        ("on_files", '{command: [notify, "{state}"]}', 32, ('"{state}"', "known fields")),
        ("on_files", "{command: [notify], batch: 0}", 40, ("at least 1",)),
    ],
)
def test_an_error_is_reported_with_its_position(
    setting: str,
    keys: str,
    column: int,
    message: tuple[str, ...],
    *,
    tmp_path: Path,
    backhaul: Any,
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\nsettings:\n  {setting}: {keys}\nsources: {{}}\n")

    ran = backhaul("validate", path)

    assert ran.code == 2
    lines = [line for line in ran.err.splitlines() if line.startswith(f"{path}:3:")]
    assert_messages(lines[-1:], (f"{path}:3:{column}: settings.{setting}", *message))

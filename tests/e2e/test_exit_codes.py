"""Each exit code, as seen by a script."""

import fcntl
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backhaul.errors import ExitCode, FailureKind

Run = Callable[..., Any]


def test_a_wrong_password_is_4_and_the_source_is_named(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(sources__account__password="wrong")

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.AUTH
    assert "account" in ended.out
    assert FailureKind.DENIED.advice in ended.out


@pytest.mark.parametrize("command", ["plan", "status", "jobs"])
def test_a_wrong_password_is_4_in_every_command_that_contacts_the_provider(
    backhaul: Run, bench: Run, command: str
) -> None:
    hpt = bench(slots=6)
    hpt.write(sources__account__password="wrong")

    ended = backhaul(command, hpt.path)

    assert ended.code == ExitCode.AUTH
    assert "account" in ended.err


def test_a_job_that_still_runs_is_5(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6, polls=1000)
    hpt.write(jobs={"fog": {"source": "account", "id": hpt.one.ids["running"]}})

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ended.json["exit_code"] == ExitCode.NOT_READY
    assert ended.json["jobs"][0]["state"] == "not_ready"


def test_a_running_job_is_waited_for_on_request(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6, polls=1)
    hpt.write(jobs={"fog": {"source": "account", "id": hpt.one.ids["running"]}})

    ended = backhaul("run", hpt.path, "--wait", "2s", "--json")

    assert (ended.code, ended.json["jobs"][0]["state"]) == (0, "complete")


def test_a_job_that_failed_at_the_provider_is_3_and_the_others_continue(
    backhaul: Run, bench: Run
) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs__broken={"source": "account", "id": hpt.one.ids["failed"]})

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ExitCode.INCOMPLETE
    assert {job["job"]: job["state"] for job in ended.json["jobs"]} == {
        "worldcup": "complete",
        "broken": "failed",
    }


def test_an_unreachable_provider_is_6(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(settings__retries=0)
    hpt.one.stop()

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.UNREACHABLE
    assert FailureKind.UNREACHABLE.advice in ended.out


def test_an_expired_job_is_7(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6, expires_in=-60)
    hpt.write(jobs={"late": {"source": "account", "id": hpt.one.ids["expired"]}})

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.EXPIRED


def test_a_file_whose_count_is_wrong_is_8(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6, silent=0.0, faults="bad_footer:all@*_00_10_*")

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ExitCode.VERIFICATION
    assert ended.json["jobs"][0]["files"]["corrupt"] == 1
    [failure] = ended.json["jobs"][0]["failures"]
    assert failure.keys() >= {"file", "kind", "message"}


def test_a_destination_that_is_a_file_is_9(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.archive.write_text("in the way")

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.DISK
    assert "archive" in ended.out + ended.err


def test_a_time_limit_is_10_and_the_next_run_continues(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24, silent=0.0, faults="slow=1500:all")
    hpt.write(settings__connections=2)

    first = backhaul("run", hpt.path, "--max-duration", "2s", "--json")
    hpt.one.faults.replace("")
    second = backhaul("run", hpt.path, "--json")

    assert first.code == ExitCode.TIME_LIMIT
    assert second.code == ExitCode.OK
    came = first.json["jobs"][0]["files"]["verified"]
    assert second.json["jobs"][0]["files"]["fetched"] == 24 - came


def test_a_job_that_another_run_holds_is_11(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    backhaul("run", hpt.path)
    fd = os.open(hpt.archive / ".backhaul" / "leases" / "worldcup", os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)

        ended = backhaul("run", hpt.path)
    finally:
        os.close(fd)

    assert ended.code == ExitCode.LOCKED
    assert str(os.getpid()) in ended.out


def test_a_missing_plugin_is_12_and_the_other_jobs_run(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(
        sources__other={"provider": "gnip-htp", "account": "acme"},
        jobs__lost={"source": "other", "id": "x"},
    )

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ExitCode.PLUGIN
    states = {job["job"]: job["state"] for job in ended.json["jobs"]}
    assert states == {"worldcup": "complete", "lost": "failed"}
    assert "'gnip-hpt'" in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_130_and_what_arrived_is_kept(
    spawn: Run, backhaul: Run, bench: Run, number: int
) -> None:
    hpt = bench(slots=24, silent=0.0, faults="slow=1500:all")
    hpt.write(settings__connections=2)
    process = spawn("run", hpt.path, "--json")
    hpt.one.requests.wait(lambda log: any(each.port == "storage" for each in log))

    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert process.returncode == ExitCode.INTERRUPTED
    assert '"kind": "interrupted"' in out
    assert err.count("\n") >= 1, "it says that it stops"
    assert "Traceback" not in err
    hpt.one.faults.replace("")
    assert backhaul("run", hpt.path).code == 0


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("sources: {a: {provider: gnip-hpt}}\nsetings: {}\n", ":2:1", '"settings"'),
        ("version: 1\nversion: 1\n", ":2:1", "version"),
        ("\tversion: 1\n", ":1:1", "tab"),
        ("", "", ""),
        ("- a\n", ":1:1", ""),
        ("sources: {a: {provider: gnip-hpt, password: '${NOT_SET_AT_ALL}'}}\n", ":1:", "NOT_SET_AT_ALL"),
    ],
)  # fmt: skip
def test_an_error_in_the_yaml_is_2_and_has_its_position(
    backhaul: Run, tmp_path: Path, text: str, place: str, message: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    ended = backhaul("run", path)

    assert ended.code == ExitCode.USAGE
    assert f"bad.yaml{place}" in ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [["run"], ["rum"], ["run", "--nope", "x.yaml"], ["files"]])
def test_a_wrong_command_line_is_2(backhaul: Run, words: list[str]) -> None:
    assert backhaul(*words).code == ExitCode.USAGE


def test_a_damaged_ledger_is_reported_in_a_line(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    backhaul("run", hpt.path)
    (hpt.archive / ".backhaul" / "ledger.sqlite").write_bytes(b"no ledger at all" * 999)

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.DISK
    assert "verify --rebuild" in ended.out
    assert ended.err == ""


def test_a_reader_that_goes_away_is_not_an_error(fetched_day: Any) -> None:
    words = shlex.join([sys.executable, "-m", "backhaul", "files", str(fetched_day.path)])

    done = subprocess.run(
        ["sh", "-c", f"{words} | head -n 1"], capture_output=True, text=True, check=True
    )

    assert done.stdout.count("\n") == 1
    assert done.stderr == ""

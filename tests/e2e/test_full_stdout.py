"""A full stdout: one clear line and exit code 9, with and without buffering."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.messages import missing_facts
from tests.usual import usual

from backhaul.errors import ExitCode

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def into_full(*words: object, buffered: bool = True) -> tuple[int, str]:
    """The exit status and stderr of a command whose stdout is full."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    if not buffered:
        environment["PYTHONUNBUFFERED"] = "1"
    with FULL.open("wb") as full:
        done = warm.run(
            [sys.executable, "-m", "backhaul", *map(str, words)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            check=False,
        )
    return done.returncode, done.stderr


def assert_messages(ended: tuple[int, str]) -> None:
    code, err = ended
    assert code == ExitCode.DISK
    assert (err.count("\n"), err[-1:]) == (1, "\n")
    assert not missing_facts(err, "backhaul: ", "stdout", os.strerror(errno.ENOSPC)), err


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize(
    "words",
    usual(
        [["--version"], ["--help"], ["run", "--help"], ["schema"], ["plugins", "list", "--json"]],
        ["--help"],
        ["schema"],
    ),
)
def test_a_command_reports_it_in_one_line(words: list[str], buffered: bool) -> None:  # noqa: FBT001 - a test parameter
    assert_messages(into_full(*words, buffered=buffered))


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("command", usual(["files", "gaps", "verify", "status"], "files"))
def test_a_program_that_reads_an_archive_reports_it_in_one_line(
    fetched_day: Any,
    command: str,
    buffered: bool,  # noqa: FBT001 - a test parameter
) -> None:
    words = [command, fetched_day.path, "--json", *(["--offline"] if command == "status" else [])]

    assert_messages(into_full(*words, buffered=buffered))


@pytest.mark.parametrize("flag", [["--json"], []])
def test_a_run_keeps_what_it_fetched(bench: Callable[..., Any], flag: list[str]) -> None:
    hpt = bench(slots=6, silent=0.0)

    assert_messages(into_full("run", hpt.path, *flag))
    assert len(list((hpt.archive / "worldcup").glob("*.gz"))) == 6


def test_a_closed_stdout_is_not_our_error() -> None:
    line = f"{sys.executable} -m backhaul schema >&-"

    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")

"""Each failure is reported once on the terminal, and in full in the log."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import warm
from tests.terminal import on_terminal

from backhaul.errors import ExitCode

Run = Callable[..., Any]


def program(*words: object) -> list[object]:
    return [sys.executable, "-m", "backhaul", *words]


def a_wrong_password(bench: Run) -> Path:
    hpt = bench(slots=6)
    hpt.write(sources__account__password="wrong")
    path: Path = hpt.path
    return path


def test_a_wrong_password_is_reported_once_on_a_terminal(bench: Run) -> None:
    code, text = on_terminal(program("run", a_wrong_password(bench)))

    assert code == ExitCode.AUTH
    assert text.count("source account") == 1


def test_a_wrong_password_is_reported_once_if_both_streams_are_the_same(bench: Run) -> None:
    done = warm.run(
        list(map(str, program("run", a_wrong_password(bench)))),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.stdout.count("source account") == 1


def test_a_wrong_password_is_reported_once_in_a_file_of_both_streams(
    bench: Run, tmp_path: Path
) -> None:
    with (tmp_path / "both").open("wb") as both:
        words = list(map(str, program("run", a_wrong_password(bench))))
        warm.run(words, stdout=both, stderr=subprocess.STDOUT, check=False)

    assert (tmp_path / "both").read_text().count("source account") == 1


def test_a_wrong_password_is_on_stderr_if_stdout_is_redirected(bench: Run) -> None:
    for place in (os.devnull, bench().path.with_name("out")):
        with open(place, "wb") as away:  # noqa: PTH123 - one of them is a string
            words = list(map(str, program("run", a_wrong_password(bench))))
            done = warm.run(words, stdout=away, stderr=subprocess.PIPE, check=False)

        assert done.stderr.decode().count("source account") == 1


def test_a_wrong_password_is_reported_on_stderr_alongside_json(backhaul: Run, bench: Run) -> None:
    ended = backhaul("run", a_wrong_password(bench), "--json")

    assert ended.err.count("source account") == 1


def failing(bench: Run) -> Path:
    path: Path = bench(slots=30, silent=0.0, faults="not_found:all").path
    return path


def test_a_failed_file_is_reported_once_on_a_terminal(bench: Run, tmp_path: Path) -> None:
    log = tmp_path / "run.log"

    _, text = on_terminal(program("run", failing(bench), "--log-file", log))

    assert text.count(": not_found: ") == 20, "the summary names the first"
    assert "warning: worldcup: " not in text
    assert "10 more" in text
    assert log.read_text().count("(not_found)") == 30


def test_all_failures_are_shown_on_a_terminal_on_request(bench: Run) -> None:
    _, text = on_terminal(program("run", failing(bench), "-v"))

    assert text.count("(not_found)") == 30


def test_a_failed_file_is_reported_once_if_both_streams_are_the_same(bench: Run) -> None:
    path = bench(slots=5, silent=0.0, faults="not_found:all").path
    done = warm.run(
        list(map(str, program("run", path))),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    names = [
        line.split(":")[0].strip() for line in done.stdout.splitlines() if "not_found: " in line
    ]
    assert len(names) - 1 == 5, "and one line of advice"
    assert all(done.stdout.count(name) == 1 for name in names[:5])


def test_failed_files_are_on_stderr_if_stdout_is_redirected(bench: Run, tmp_path: Path) -> None:
    path = failing(bench)
    with (tmp_path / "out").open("wb") as away:
        words = list(map(str, program("run", path)))
        done = warm.run(words, stdout=away, stderr=subprocess.PIPE, text=True, check=False)

    assert done.stderr.count("(not_found)") == 10
    assert "20 more" in done.stderr


def test_a_listed_file_that_is_missing_is_not_a_gap_as_well(backhaul: Run, bench: Run) -> None:
    ended = backhaul("run", failing(bench))

    assert ended.code == ExitCode.INCOMPLETE
    assert "30 files failed" in ended.out
    assert "missing at the provider" not in ended.out


def test_a_refusal_is_reported_once_by_status(bench: Run) -> None:
    path = a_wrong_password(bench)
    done = warm.run(
        list(map(str, program("status", path))),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == ExitCode.AUTH
    assert done.stdout.count("401 Unauthorized") == 1


def test_verbose_logs_each_retry(bench: Run) -> None:
    path = bench(slots=4, silent=0.0, faults="503:1").path
    done = warm.run(
        list(map(str, program("run", path, "-v"))), capture_output=True, text=True, check=False
    )

    retries = [line for line in done.stderr.splitlines() if "retrying in" in line]
    assert done.returncode == 0
    assert len(retries) == 4
    assert all("503" in line and "worldcup: " in line for line in retries)


def test_verbose_logs_each_renewed_link(bench: Run) -> None:
    path = bench(slots=6, silent=0.0, faults="expired:1").path
    done = warm.run(
        list(map(str, program("run", path, "-v"))), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stderr.count("renewing its link") >= 1
    assert "renewing the links of" in done.stderr

"""What failed is said once to whoever looks, and all of it to those who keep a log."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_a_wrong_password_is_said_once_on_a_terminal(bench: Run) -> None:
    code, text = on_terminal(program("run", a_wrong_password(bench)))

    assert code == ExitCode.AUTH
    assert text.count("source account") == 1


def test_a_wrong_password_is_said_once_where_both_streams_are_one(bench: Run) -> None:
    done = subprocess.run(
        list(map(str, program("run", a_wrong_password(bench)))),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.stdout.count("source account") == 1


def test_a_wrong_password_is_said_once_in_a_file_of_both_streams(
    bench: Run, tmp_path: Path
) -> None:
    with (tmp_path / "both").open("wb") as both:
        words = list(map(str, program("run", a_wrong_password(bench))))
        subprocess.run(words, stdout=both, stderr=subprocess.STDOUT, check=False)

    assert (tmp_path / "both").read_text().count("source account") == 1


def test_a_wrong_password_is_on_stderr_where_the_summary_is_put_away(bench: Run) -> None:
    for place in (os.devnull, bench().path.with_name("out")):
        with open(place, "wb") as away:  # noqa: PTH123 - one of them is a text
            words = list(map(str, program("run", a_wrong_password(bench))))
            done = subprocess.run(words, stdout=away, stderr=subprocess.PIPE, check=False)

        assert done.stderr.decode().count("source account") == 1


def test_a_wrong_password_is_on_stderr_in_words_beside_json(backhaul: Run, bench: Run) -> None:
    ended = backhaul("run", a_wrong_password(bench), "--json")

    assert ended.err.count("source account") == 1


def failing(bench: Run) -> Path:
    path: Path = bench(slots=30, silent=0.0, faults="not_found:all").path
    return path


def test_a_terminal_shows_the_first_ten_failed_files_and_that_there_are_more(
    bench: Run, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"

    _, text = on_terminal(program("run", failing(bench), "--log-file", log))
    live = text.partition("worldcup: failed")[0]

    assert live.count("warning: worldcup: ") == 11
    assert live.count("not_found") == 10, "the eleventh says that there are more"
    assert "30 files" in text
    assert log.read_text().count("(not_found)") == 30
    assert "and more files" not in log.read_text()


def test_a_terminal_shows_all_of_them_to_those_who_ask(bench: Run) -> None:
    _, text = on_terminal(program("run", failing(bench), "-v"))

    assert text.count("(not_found)") == 30


def test_a_log_that_is_no_terminal_has_all_of_them(bench: Run) -> None:
    words = list(map(str, program("run", failing(bench))))
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.stderr.count("(not_found)") == 30

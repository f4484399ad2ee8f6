"""Error output: one or a few lines, without secrets, and with an exit code."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import typer
from tests.told import unnamed

from backhaul.cli.common import Color, LogFormat, command
from backhaul.errors import ConfigError, FailureKind, UnreachableError
from backhaul.redact import register

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(backhaul: Any, capsys: pytest.CaptureFixture[str]) -> Told:
    """The exit code and stderr of a command that raises."""
    del backhaul  # a fixture that undoes process-wide effects

    def run(error: BaseException, **given: Any) -> tuple[int, str]:
        def fail() -> NoReturn:
            raise error

        common = {
            "quiet": False,
            "verbose": 0,
            "log_format": LogFormat.TEXT,
            "log_file": None,
            "color": Color.AUTO,
        }
        with pytest.raises(typer.Exit) as end:
            command(fail)(**{**common, **given})
        return end.value.exit_code, capsys.readouterr().err

    return run


def test_an_unexpected_error_is_a_line_and_no_traceback(told: Told) -> None:
    code, text = told(RuntimeError("it\nbroke"))

    assert code == 1
    assert text.count("\n") == 1
    assert not unnamed(text, "backhaul: ", "RuntimeError: it broke", "-vv"), text


def test_the_traceback_is_there_for_those_who_ask() -> None:
    """In a process of its own, since what shows it is the log of the process."""
    script = (
        "from backhaul.cli.common import Color, LogFormat, command\n"
        "def fail():\n    raise RuntimeError('it broke')\n"
        "command(fail)(quiet=False, verbose=2, log_format=LogFormat.TEXT, log_file=None,"
        " color=Color.AUTO)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "Traceback (most recent call last)" in done.stderr
    assert "RuntimeError: it broke\n" in done.stderr
    assert "(run with -vv" not in done.stderr


def test_an_expected_error_has_its_code_and_what_to_do(told: Told) -> None:
    code, text = told(UnreachableError("GET http://127.0.0.1:1/: refused"))

    assert code == 6
    first, advice = text.splitlines()
    assert not unnamed(first, "backhaul: ", "GET http://127.0.0.1:1/: refused")
    assert advice.strip() == FailureKind.UNREACHABLE.advice


def test_each_mistake_has_a_line_of_its_own(told: Told) -> None:
    code, text = told(ConfigError("all", problems=["a.yaml:1:1: one", "a.yaml:2:1: two"]))

    assert code == 2
    *mistakes, last = text.splitlines()
    assert mistakes == ["a.yaml:1:1: one", "a.yaml:2:1: two"]
    assert not unnamed(last, "backhaul: ", "2")


def test_secrets_are_taken_out(told: Told) -> None:
    register("tide and fog")

    _, text = told(RuntimeError("tide and fog"), verbose=2)

    assert "tide" not in text


def test_a_full_disk_is_9(told: Told) -> None:
    code, text = told(OSError(errno.ENOSPC, "No space left on device", "some/file"))

    assert code == 9
    assert not unnamed(text, "backhaul: ", "some/file: ", os.strerror(errno.ENOSPC)), text
    assert text.count("\n") == 1


def test_ctrl_c_is_130(told: Told) -> None:
    code, text = told(KeyboardInterrupt())
    assert (code, text.count("\n")) == (130, 1)


def test_a_json_log_has_the_error_as_json(told: Told) -> None:
    _, text = told(UnreachableError("refused"), log_format=LogFormat.JSON)

    first, *_ = map(json.loads, text.splitlines())
    assert (first["level"], first["message"]) == ("error", "refused")


def test_quiet_says_errors_all_the_same(told: Told) -> None:
    code, text = told(ConfigError("no"), quiet=True)
    assert (code, text.count("\n")) == (2, 1)
    assert text.endswith(": no\n")

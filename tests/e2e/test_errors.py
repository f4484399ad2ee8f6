"""Error output: one or a few lines, without secrets, and with an exit code."""

import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import typer
from tests import warm
from tests.messages import missing_facts

from backhaul.cli.common import Color, LogFormat, command
from backhaul.errors import ConfigError, FailureKind, UnreachableError
from backhaul.redact import register

ErrorOutput = Callable[..., tuple[int, str]]


@pytest.fixture
def error_output(backhaul: Any, capsys: pytest.CaptureFixture[str]) -> ErrorOutput:
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


def test_an_unexpected_error_is_one_line_without_a_traceback(error_output: ErrorOutput) -> None:
    code, text = error_output(RuntimeError("it\nbroke"))

    assert code == 1
    assert text.count("\n") == 1
    assert not missing_facts(text, "backhaul: ", "RuntimeError: it broke", "-vv"), text


def test_the_traceback_is_shown_on_request() -> None:
    """In a process of its own, since what shows it is the log of the process."""
    script = (
        "from backhaul.cli.common import Color, LogFormat, command\n"
        "def fail():\n    raise RuntimeError('it broke')\n"
        "command(fail)(quiet=False, verbose=2, log_format=LogFormat.TEXT, log_file=None,"
        " color=Color.AUTO)\n"
    )

    done = warm.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "Traceback (most recent call last)" in done.stderr
    assert "RuntimeError: it broke\n" in done.stderr
    assert "(run with -vv" not in done.stderr


def test_an_expected_error_has_its_code_and_what_to_do(error_output: ErrorOutput) -> None:
    code, text = error_output(UnreachableError("GET http://127.0.0.1:1/: refused"))

    assert code == 6
    first, advice = text.splitlines()
    assert not missing_facts(first, "backhaul: ", "GET http://127.0.0.1:1/: refused")
    assert advice.strip() == FailureKind.UNREACHABLE.advice


def test_each_error_has_its_own_line(error_output: ErrorOutput) -> None:
    code, text = error_output(ConfigError("all", problems=["a.yaml:1:1: one", "a.yaml:2:1: two"]))

    assert code == 2
    *mistakes, last = text.splitlines()
    assert mistakes == ["a.yaml:1:1: one", "a.yaml:2:1: two"]
    assert not missing_facts(last, "backhaul: ", "2")


def test_secrets_are_removed(error_output: ErrorOutput) -> None:
    register("tide and fog")

    _, text = error_output(RuntimeError("tide and fog"), verbose=2)

    assert "tide" not in text


def test_a_full_disk_is_9(error_output: ErrorOutput) -> None:
    code, text = error_output(OSError(errno.ENOSPC, "No space left on device", "some/file"))

    assert code == 9
    assert not missing_facts(text, "backhaul: ", "some/file: ", os.strerror(errno.ENOSPC)), text
    assert text.count("\n") == 1


def test_ctrl_c_is_130(error_output: ErrorOutput) -> None:
    code, text = error_output(KeyboardInterrupt())
    assert (code, text.count("\n")) == (130, 1)


def test_a_json_log_has_the_error_as_json(error_output: ErrorOutput) -> None:
    _, text = error_output(UnreachableError("refused"), log_format=LogFormat.JSON)

    first, *_ = map(json.loads, text.splitlines())
    assert (first["level"], first["message"]) == ("error", "refused")


def test_quiet_still_prints_errors(error_output: ErrorOutput) -> None:
    code, text = error_output(ConfigError("no"), quiet=True)
    assert (code, text.count("\n")) == (2, 1)
    assert text.endswith(": no\n")

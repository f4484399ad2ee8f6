"""Runs backhaul from a scheduler: what an exit code means, and the result as a value."""

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

TRY_AGAIN = {5, 6, 10, 11}  # not ready, not reachable, out of time, already running
ASK_A_PERSON = {2, 4, 12}  # the YAML, the credentials, a plugin: trying again does not help


class TryAgainError(Exception):
    """A later run can succeed, and continues where this one ended."""


class AskAPersonError(Exception):
    """Another run cannot succeed until somebody changes something."""


def fetch(
    config: str, *options: str, started: Callable[["subprocess.Popen[str]"], None] = id
) -> dict[str, Any]:
    """Runs ``backhaul run CONFIG --json``; returns its result.

    Args:
        config: the YAML file.
        options: further options of the command.
        started: called with the process, for callers that must be able to stop it.
    """
    command = ["backhaul", "run", config, "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        started(process)
        printed, _ = process.communicate()
    if process.returncode in TRY_AGAIN:
        raise TryAgainError(told(process.returncode, printed))
    if process.returncode in ASK_A_PERSON:
        raise AskAPersonError(told(process.returncode, printed))
    if process.returncode:
        raise RuntimeError(told(process.returncode, printed))
    result: dict[str, Any] = json.loads(printed)
    return result


def stop(process: "subprocess.Popen[str]") -> None:
    """Ends a run as Ctrl-C does; the next one continues."""
    process.send_signal(signal.SIGINT)


def told(code: int, printed: str) -> str:
    """The exit code and the first failures, for a scheduler's log."""
    result = json.loads(printed) if printed.strip() else {}
    notes = [  # without jobs if the run could not start
        f"{job['job']}: {note['message']}"
        for job in result.get("jobs", ())
        for note in job["failures"]
    ]
    notes += result.get("problems", ())
    return "; ".join([f"backhaul ended with exit code {code}", *notes[:5]])

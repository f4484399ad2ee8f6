"""A terminal that is closed during a run."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.usual import usual

from backhaul.errors import ExitCode

Run = Callable[..., Any]
# Makes the given terminal the controlling one, like a login, then executes the command.
LEADER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execv(sys.executable, [sys.executable, '-m', 'backhaul', *sys.argv[1:]])"
)


@pytest.mark.parametrize("quiet", usual([[], ["-q"]], []))
def test_received_data_is_kept_and_the_run_ends_as_with_sigterm(
    backhaul: Run, bench: Run, quiet: list[str]
) -> None:
    hpt = bench(slots=24, silent=0.0, faults="slow=1500:all")
    hpt.write(settings__connections=2)
    log = hpt.path.with_name("run.log")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LEADER, "run", str(hpt.path), "--log-file", str(log), *quiet],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    hpt.one.requests.wait(lambda seen: sum(each.port == "storage" for each in seen) > 2)

    os.close(ours)

    assert process.wait(timeout=20) == ExitCode.INTERRUPTED
    assert "Traceback" not in log.read_text()
    hpt.one.faults.replace("")
    after = backhaul("run", hpt.path, "--json").json["jobs"][0]
    assert after["state"] == "complete"

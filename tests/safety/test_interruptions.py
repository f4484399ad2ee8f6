"""Stopped by the user, the system, a time limit or another run."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import warm
from tests.safety.command import call, run, write_config
from tests.soon import SOON

from backhaul.storage.lease import Lease
from backhaul_gnip_hpt.emulator import GnipHptEmulator

SLOW = "slow=3000:all"


def start(config: Path) -> "subprocess.Popen[bytes]":
    words = [
        sys.executable,
        "-c",
        "import sys; from backhaul.cli.main import main; sys.exit(main())",
    ]
    return warm.Popen(
        [*words, "run", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def under_way(emulator: GnipHptEmulator, count: int = 3) -> None:
    assert emulator.requests.wait(
        lambda entries: sum(each.port == "storage" for each in entries) >= count, timeout=20
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_stops_cleanly_and_the_next_run_continues(
    tmp_path: Path, number: signal.Signals
) -> None:
    with GnipHptEmulator(slots=60, silent=0.0, faults=SLOW) as emulator:
        config = write_config(tmp_path, emulator)
        process = start(config)
        under_way(emulator, 20)
        process.send_signal(number)
        _, error = process.communicate(timeout=20)
        assert process.returncode == 130
        assert b"Traceback" not in error
        emulator.faults.replace("")
        ran = run(config)
        assert (ran.code, ran.job["files"]["verified"]) == (0, 60)


def test_a_second_signal_ends_the_run_immediately(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=6, faults="api/stall=30:all@*results*") as emulator:
        process = start(write_config(tmp_path, emulator))
        assert emulator.requests.wait(lambda entries: len(entries) >= 2, timeout=20)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        for line in process.stderr:
            if b"stopping" in line:
                break
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 130
        assert time.monotonic() - begun < SOON


def test_a_time_limit_ends_with_10_and_the_next_run_continues(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=40, silent=0.0, faults="slow=1500:all") as emulator:
        config = write_config(tmp_path, emulator)
        ran = run(config, "--max-duration", "1s")
        assert (ran.code, ran.kinds) == (10, {"time_limit"})
        emulator.faults.replace("")
        assert run(config).code == 0


def test_a_second_run_says_which_process_has_locked_the_job_and_since_when(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=2) as emulator:
        config = write_config(tmp_path, emulator)
        held = Lease(tmp_path / "archive" / ".backhaul", "worldcup")
        ran = call("run", config)
        held.release()
        assert ran.code == 11
        who = rf"process {os.getpid()} on \S+ since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        assert re.search(who, ran.err + ran.out)
        assert len(emulator.requests) == 0
        assert run(config).code == 0


def test_a_dead_holders_lease_is_taken_over(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=20, silent=0.0, faults=SLOW) as emulator:
        config = write_config(tmp_path, emulator)
        process = start(config)
        under_way(emulator)
        assert run(config).code == 11
        process.kill()
        process.communicate()
        emulator.faults.replace("")
        assert run(config).code == 0

"""Workers and the driver killed at any moment: the same bytes, nothing twice, no process left."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests import warm
from tests.core.transfer.processes.test_processes import COMMAND, all_gone, children
from tests.event_lines import read
from tests.safety.command import published, run, unfinished, write_config
from tests.usual import usual

from backhaul_gnip_hpt.emulator import GnipHptEmulator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

FILES = 60
SLOW = "slow=4000:all"  # bytes a second
MANY = [pytest.param(point, marks=pytest.mark.slow) for point in range(50)]
FEW = usual([pytest.param(point, id=f"often-{point}") for point in (3, 24, 43)], "often-24")
POINTS = [*FEW, *MANY]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an undisturbed run brings."""
    folder = tmp_path_factory.mktemp("good")
    with GnipHptEmulator(slots=FILES, silent=0.0) as emulator:
        assert run(write_config(folder, emulator), "--workers", "1").code == 0
    return published(folder / "archive")


@pytest.fixture
def emulator() -> Iterator[GnipHptEmulator]:
    with GnipHptEmulator(slots=FILES, silent=0.0, faults=SLOW) as started:
        yield started


def start(config: Path, events: Path) -> "subprocess.Popen[bytes]":
    words = [*COMMAND, "run", str(config), "-q", "--workers", "2", "--events", str(events)]
    return warm.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(emulator: GnipHptEmulator, point: int) -> None:
    """Waits for a share of the requests, and then a little, differently for each point."""
    wanted = 1 + point * (FILES - 6) // 50
    assert emulator.requests.wait(
        lambda entries: sum(each.port == "storage" for each in entries) >= wanted, timeout=40
    )
    time.sleep(point % 7 * 0.004)


def family(pid: int) -> list[int]:
    """A process with all its descendants, the eldest first."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def assert_whole(archive: Path, good: dict[str, str]) -> None:
    assert published(archive) == good
    assert unfinished(archive) == []
    with closing(sqlite3.connect(archive / ".backhaul" / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT name, state FROM files").fetchall()
    assert len({name for name, _ in rows}) == len(rows) == FILES
    assert {state for _, state in rows} == {"verified"}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_costs_this_run_only_time(
    tmp_path: Path, emulator: GnipHptEmulator, good: dict[str, str], point: int
) -> None:
    events = tmp_path / "events.jsonl"
    process = start(write_config(tmp_path, emulator), events)
    until(emulator, point)
    everyone = family(process.pid)
    if len(everyone) > 2:  # else the workers have done their work
        os.kill(everyone[2 + point % (len(everyone) - 2)], signal.SIGKILL)
    emulator.faults.replace("")
    assert process.wait(timeout=40) == 0
    assert all_gone(everyone)
    assert_whole(tmp_path / "archive", good)
    done = Counter(each["file"] for each in read(events) if each["event"] == "file_done")
    assert len(done) == FILES
    assert set(done.values()) == {1}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_driver_takes_its_workers_along_and_the_next_run_completes(
    tmp_path: Path, emulator: GnipHptEmulator, good: dict[str, str], point: int
) -> None:
    config = write_config(tmp_path, emulator)
    process = start(config, tmp_path / "events.jsonl")
    until(emulator, point)
    everyone = family(process.pid)
    process.kill()
    process.wait(timeout=10)
    assert all_gone(everyone)
    emulator.faults.replace("")
    ran = run(config, "--workers", "2")
    assert ran.code == 0, ran.err
    assert_whole(tmp_path / "archive", good)

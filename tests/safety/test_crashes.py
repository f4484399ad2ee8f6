"""Killed at any moment, and run again: the same bytes, and nothing that was done is done again."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.safety.command import published, run, write_config

from backhaul.testing.emulator import Emulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator

DYING = Path(__file__).parent / "dying"
COMMAND = (sys.executable, "-c", "import sys; from backhaul.cli.main import main; sys.exit(main())")


def start(config: Path, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, "run", str(config), "--json", "-q"],
        env={**os.environ, "PYTHONPATH": str(DYING), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def done(archive: Path) -> set[str]:
    """What the ledger calls verified."""
    path = archive / ".backhaul" / "ledger.sqlite"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as ledger:
        try:
            rows = ledger.execute("SELECT name FROM files WHERE state = 'verified'").fetchall()
        except sqlite3.OperationalError:  # killed before there were tables
            return set()
    return {name for (name,) in rows}


def asked(emulator: Emulator) -> set[str]:
    """Names whose bytes were asked for."""
    return {
        each.path.rpartition("/kj4r26m0qx")[2] or each.path
        for each in emulator.requests.at("storage")
    }


def check_again(emulator: Emulator, config: Path, good: dict[str, str]) -> None:
    """A clean run after a crash."""
    archive = config.parent / "archive"
    kept = done(archive)
    for name in kept:
        assert name in {path.rpartition("/")[2] for path in published(archive)}, name
    emulator.requests.clear()
    ran = run(config)
    assert ran.code == 0, ran.err
    assert published(archive) == good
    assert ran.job["files"]["fetched"] + len(kept) <= ran.job["files"]["verified"]
    fetched = [each.path for each in emulator.requests.at("storage")]
    again = [name for name in kept if any(matches(path, name) for path in fetched)]
    assert again == []


def matches(path: str, name: str) -> bool:
    """Whether a storage path is that of a file: only folders and separators differ."""
    tail = "_".join(path.split("/")[-6:])
    return name.endswith(tail)


def undisturbed(emulator: Emulator, folder: Path) -> dict[str, str]:
    folder.mkdir()
    assert run(write_config(folder, emulator)).code == 0
    return published(folder / "archive")


def killed_at_random(tmp_path: Path, *, files: int, kills: int) -> None:
    chance = random.Random(4)
    with GnipHptEmulator(slots=files, silent=0.0, faults="slow=40000:10%:all") as emulator:
        good = undisturbed(emulator, tmp_path / "good")
        config = write_config(tmp_path, emulator)
        for kill in range(kills):
            emulator.requests.clear()
            process = start(config)
            goal = chance.randrange(1, max(2, files // kills))
            emulator.requests.wait(lambda entries, goal=goal: len(entries) >= 3 + goal, timeout=10)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, f"kill {kill} came too late"
        check_again(emulator, config, good)


def test_killed_at_random_moments_the_next_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    killed_at_random(tmp_path, files=120, kills=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_twenty_times_a_thousand_files_are_the_same(tmp_path: Path) -> None:
    killed_at_random(tmp_path, files=1000, kills=20)


def steps(config: Path, folder: Path) -> int:
    """How many steps an undisturbed run has."""
    count = folder / "steps"
    process = start(config, DIE_AT="0", STEPS_TO=str(count))
    process.communicate()
    assert process.returncode == 0
    return int(count.read_text())


def killed_between(tmp_path: Path, emulator: Emulator, points: int, **keys: object) -> None:
    """Dies at so many of the steps that change the disk, each in a folder of its own."""
    good = undisturbed(emulator, tmp_path / "good")
    (tmp_path / "count").mkdir()
    whole = steps(write_config(tmp_path / "count", emulator), tmp_path)
    assert whole > points
    chance = random.Random(9)
    for number in range(points):
        at = 1 + (number * whole + chance.randrange(whole)) // points
        folder = tmp_path / f"{number}"
        folder.mkdir()
        config = write_config(folder, emulator, **keys)  # type: ignore[arg-type]  # settings
        process = start(config, DIE_AT=str(at))
        process.communicate()
        if process.returncode == 0:
            continue  # a run has not always the same number of steps
        assert process.returncode == -signal.SIGKILL
        check_again(emulator, config, good)


@pytest.mark.parametrize(
    ("points", "slots"),
    [(5, 30), pytest.param(200, 80, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_killed_between_any_two_changes_of_the_disk(
    tmp_path: Path, points: int, slots: int
) -> None:
    with GnipHptEmulator(slots=slots, silent=0.0) as emulator:
        killed_between(tmp_path, emulator, points)


@pytest.mark.parametrize(
    "points", [3, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_killed_while_large_files_come(tmp_path: Path, points: int) -> None:
    with GnipHptEmulator(slots=4, silent=0.0, activities=700) as emulator:
        killed_between(tmp_path, emulator, points)

"""Killed at any moment, and run again: the same bytes, and nothing completed is repeated."""

import random
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.safety.command import published, run, unfinished, write_config
from tests.safety.dying.losing_disk import WAYS
from tests.safety.dying_process import command, ended, killed, on_disk, start
from tests.safety.test_queues import config, delivered, stored

from backhaul.testing.emulator import Emulator
from backhaul.testing.serve import emulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator


def done(archive: Path) -> set[str]:
    """What the ledger calls verified."""
    path = archive / ".backhaul" / "ledger.sqlite"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as ledger:
        try:
            rows = ledger.execute("SELECT name FROM files WHERE state = 'verified'").fetchall()
        except sqlite3.OperationalError:  # killed before the tables were created
            return set()
    return {name for (name,) in rows}


def asked(emulator: Emulator) -> set[str]:
    """Names of files that were requested."""
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
    """Whether a storage path belongs to a file: only folders and separators differ."""
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
            process = start(command(config))
            goal = chance.randrange(1, max(2, files // kills))
            emulator.requests.wait(lambda entries, goal=goal: len(entries) >= 3 + goal, timeout=10)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, f"kill {kill} came too late"
        check_again(emulator, config, good)


@pytest.mark.matrix
def test_after_kills_at_random_moments_the_next_run_ends_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    killed_at_random(tmp_path, files=120, kills=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_twenty_kills_a_thousand_files_have_the_same_bytes(tmp_path: Path) -> None:
    killed_at_random(tmp_path, files=1000, kills=20)


def steps(config: Path, folder: Path) -> int:
    """The number of steps of an undisturbed run."""
    count = folder / "steps"
    assert ended(command(config), STEPS_TO=str(count)) == 0
    return len(count.read_text().splitlines())


def killed_between(
    tmp_path: Path, emulator: Emulator, points: int, ways: Sequence[str] = WAYS
) -> None:
    """Dies at this many of the steps that change the disk, each in its own folder.

    Unsynced data is lost, in each of the ways in turn.
    """
    good = undisturbed(emulator, tmp_path / "good")
    (tmp_path / "count").mkdir()
    whole = steps(write_config(tmp_path / "count", emulator), tmp_path)
    assert whole > points
    chance = random.Random(9)
    for number in range(points):
        at = 1 + (number * whole + chance.randrange(whole)) // points
        folder = tmp_path / f"{number}"
        folder.mkdir()
        config = write_config(folder, emulator)
        way = ways[number % len(ways)]
        code = ended(command(config), DIE_AT=str(at), **on_disk(folder, way, number))
        if code == 0:
            continue  # the number of steps varies between runs
        assert code == -signal.SIGKILL
        check_again(emulator, config, good)


SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("points", "slots", "ways"),
    [(5, 30, WAYS), *(pytest.param(60, 80, [way], marks=SLOW) for way in WAYS)],
)
def test_after_a_kill_between_any_two_disk_changes_the_next_run_completes(
    tmp_path: Path, points: int, slots: int, ways: Sequence[str]
) -> None:
    with GnipHptEmulator(slots=slots, silent=0.0) as emulator:
        killed_between(tmp_path, emulator, points, ways)


@pytest.mark.parametrize("points", [3, pytest.param(60, marks=SLOW)])
@pytest.mark.matrix
def test_after_a_kill_while_large_files_arrive_the_next_run_completes(
    tmp_path: Path, points: int
) -> None:
    with GnipHptEmulator(slots=4, silent=0.0, activities=700) as emulator:
        killed_between(tmp_path, emulator, points)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "steps"),
    [*((way, "one step") for way in WAYS), ("kept", "two steps"), ("undone", "two steps")],
)
def test_after_a_kill_between_any_two_disk_changes_a_queue_loses_nothing(
    tmp_path: Path, way: str, steps: str
) -> None:
    naming = {"TWO_STEPS": "1"} if steps == "two steps" else {}
    for at in range(20, 400, 13):
        folder = tmp_path / str(at)
        folder.mkdir()
        with emulator("datasift-historics", interactions=300, step=None, waiting=1) as queue:
            path = config(folder, queue)
            code = ended(command(path), DIE_AT=str(at), **on_disk(folder, way, at), **naming)
            if code == 0:
                break
            assert run(path).code == 0, at
            assert stored(folder) == delivered(queue), at


@pytest.mark.parametrize("way", ["kept", "lost", "undone"])
def test_a_kill_during_the_rename_of_a_piece_is_completed_by_the_next_run(
    tmp_path: Path, way: str
) -> None:
    with emulator("datasift-historics", interactions=300, step=None, waiting=1) as queue:
        path = config(tmp_path, queue)
        disk = {**on_disk(tmp_path, way), "TWO_STEPS": "1"}
        killed(command(path), DIE_ON="link *.gz.part done", **disk)
        assert run(path).code == 0
        assert stored(tmp_path) == delivered(queue)
        assert not unfinished(tmp_path / "archive")

"""A disk that fills up: the run waits for space, and continues by itself or ends."""

import json
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.messages import missing_facts
from tests.safety.command import published, run, unfinished, write_config
from tests.safety.small_disk import Ballast, mounted
from tests.usual import usual

from backhaul.testing import Recorded
from backhaul_gnip_hpt.emulator import GnipHptEmulator
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator

MB = 1 << 20
SLOW = "slow=400000:all"  # a file of 700 KB takes more than a second
MARK = {"min_free_space": "12M", "disk_patience": "20s"}
SOME = 200_000  # bytes after which there is something to resume
NEVER = {"min_free_space": "1000T"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "24m") as folder:
        yield folder


@pytest.fixture
def hpt() -> Iterator[GnipHptEmulator]:
    with GnipHptEmulator(slots=12, silent=0.0, activities=3600, faults=SLOW) as running:
        yield running


@pytest.fixture
def days() -> Iterator[StocktwitsBackupEmulator]:
    """Files whose sizes are unknown in advance."""
    with StocktwitsBackupEmulator() as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same archive, fetched with enough space."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with GnipHptEmulator(slots=12, silent=0.0, activities=3600) as emulator:
        assert run(write_config(folder, emulator)).code == 0
    return published(folder / "archive")


def december(name: str) -> dict[str, dict[str, Any]]:
    """A job of 38 files."""
    keys = {"file_types": ["activity", "message"], "from": "2016-12-01", "to": "2016-12-20"}
    return {name: keys}


class Running:
    """The command in a subprocess, which reports on stderr what it waits for."""

    def __init__(self, *words: "str | Path") -> None:
        command = "import sys; from backhaul.cli.main import main; sys.exit(main())"
        self.process = warm.Popen(
            [sys.executable, "-c", command, "run", "--json", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_line(self, words: str) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"it ended without printing: {words}")

    def ended(self) -> tuple[int, dict[str, Any], str]:
        """The exit status, the only job's result, and the rest of stderr."""
        out, err = self.process.communicate(timeout=20)
        (job,) = json.loads(out)["jobs"]
        return self.process.returncode, job, err


def under_way(emulator: GnipHptEmulator, count: int) -> None:
    assert emulator.requests.wait(
        lambda entries: sum(each.port == "storage" for each in entries) >= count, timeout=20
    )


def quiet(emulator: GnipHptEmulator) -> None:
    """Waits until active requests have ended and no more are made."""
    for _ in range(20):
        asked = len(emulator.requests)
        if not emulator.requests.wait(lambda entries: len(entries) > asked, timeout=0.5):  # noqa: B023 - called immediately
            return
    raise AssertionError("more and more is asked for")


def answers(emulator: GnipHptEmulator) -> dict[str, list[Recorded]]:
    """Responses to each file's requests."""
    found: dict[str, list[Recorded]] = defaultdict(list)
    for each in emulator.requests.at("storage"):
        found[each.path].append(each)
    return found


def assert_nothing_twice(emulator: GnipHptEmulator) -> None:
    """Repeated requests resume where the last one ended, and succeed."""
    for path, several in answers(emulator).items():
        assert "range" not in several[0].headers, path
        came = several[0].body_bytes
        for again in several[1:]:
            if came >= SOME or again.status == 206:
                assert again.status == 206, f"{path} after {came} bytes"
                assert not again.headers["range"].startswith("bytes=0-"), path
            came += again.body_bytes


def test_it_waits_and_continues_by_itself_once_there_is_space(
    disk: Path, hpt: GnipHptEmulator, undisturbed: dict[str, str]
) -> None:
    ballast = Ballast(disk)
    running = Running(write_config(disk, hpt, settings={**MARK, "connections": 8}))
    under_way(hpt, 8)
    ballast.load(left=8 * MB)
    warning = running.wait_for_line("disk_patience")
    assert "warning" in warning
    assert re.search(r"\b[78]\.\d MiB", warning), warning
    assert not missing_facts(warning, "", "12.0 MiB", "min_free_space", "20 s"), warning
    quiet(hpt)
    assert len(published(disk / "archive")) < 12
    hpt.faults.replace("")
    ballast.drop()
    code, job, err = running.ended()
    assert (code, job["state"], job["files"]["fetched"]) == (0, "complete", 12)
    assert "disk_patience" not in err, "it is said once"
    assert published(disk / "archive") == undisturbed
    assert unfinished(disk / "archive") == []
    assert_nothing_twice(hpt)


def test_without_space_the_jobs_end_with_9_and_the_next_run_continues(
    disk: Path, hpt: GnipHptEmulator, undisturbed: dict[str, str]
) -> None:
    config = write_config(disk, hpt, settings={**MARK, "disk_patience": "1s", "connections": 8})
    ballast = Ballast(disk)
    running = Running(config)
    under_way(hpt, 8)
    ballast.load(left=8 * MB)
    code, job, err = running.ended()
    assert code == 9
    assert job["state"] in {"partial", "failed"}, "by whether a file was whole already"
    (failure,) = job["failures"]
    assert (failure["file"], failure["kind"]) == (None, "disk")
    assert not missing_facts(failure["message"], "", "1 s", "disk_patience")
    assert "Traceback" not in err
    dest = disk / "archive"
    assert published(dest).items() < undisturbed.items()
    assert unfinished(dest) != []
    ballast.drop()
    hpt.faults.replace("")
    ran = run(config)
    assert (ran.code, ran.job["files"]["verified"]) == (0, 12)
    assert published(dest) == undisturbed
    assert_nothing_twice(hpt)


@pytest.mark.parametrize("number", usual([signal.SIGINT, signal.SIGTERM], signal.SIGINT))
def test_a_signal_while_it_waits_stops_cleanly(
    tmp_path: Path, days: StocktwitsBackupEmulator, number: signal.Signals
) -> None:
    running = Running(write_config(tmp_path, days, settings=NEVER))
    running.wait_for_line("disk_patience")
    running.process.send_signal(number)
    code, job, err = running.ended()
    assert (code, job["state"], job["files"]["fetched"]) == (130, "partial", 0)
    assert "Traceback" not in err
    assert job["warnings"] != []
    assert run(write_config(tmp_path, days)).code == 0


def test_a_time_limit_while_it_waits_ends_with_10(
    tmp_path: Path, days: StocktwitsBackupEmulator
) -> None:
    ran = run(write_config(tmp_path, days, settings=NEVER), "--max-duration", "1s")
    assert (ran.code, ran.kinds) == (10, {"time_limit"})


def test_without_patience_the_jobs_end_at_once(
    tmp_path: Path, days: StocktwitsBackupEmulator
) -> None:
    ran = run(write_config(tmp_path, days, settings={**NEVER, "disk_patience": "0s"}))
    assert (ran.code, ran.kinds) == (9, {"disk"})
    assert "waiting" not in ran.err
    assert days.requests.at("storage") == []


def test_a_job_that_needs_nothing_more_does_not_wait_for_space(
    tmp_path: Path, days: StocktwitsBackupEmulator
) -> None:
    jobs = december("whole")
    assert run(write_config(tmp_path, days, jobs=jobs)).code == 0
    ran = run(write_config(tmp_path, days, settings={**NEVER, "disk_patience": "0s"}, jobs=jobs))
    assert (ran.code, ran.job["state"], ran.job["files"]["fetched"]) == (0, "complete", 0)


def test_jobs_of_another_disk_continue(
    disk: Path, tmp_path: Path, days: StocktwitsBackupEmulator
) -> None:
    Ballast(disk).load(left=8 * MB)
    full = write_config(disk, days, settings={**MARK, "disk_patience": "1s"}, jobs=december("full"))
    other = write_config(
        tmp_path, days, settings={**MARK, "disk_patience": "1s"}, jobs=december("other")
    )
    ran = run(full, str(other))
    assert ran.code == 9
    assert {job["job"]: job["state"] for job in ran.jobs} == {"full": "failed", "other": "complete"}
    assert published(disk / "archive") == {}

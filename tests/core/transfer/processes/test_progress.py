"""What is seen of a run while its workers fetch: the sum of all, once."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.core.transfer.processes.test_processes import COMMAND, start
from tests.safety.command import call, write_config
from tests.terminal import raw_on_terminal

import backhaul
from backhaul_gnip_hpt.emulator import GnipHptEmulator

FILES = 60


@pytest.fixture
def emulator() -> Iterator[GnipHptEmulator]:
    with GnipHptEmulator(slots=FILES, silent=0.0, faults="slow=3000:all") as started:
        yield started


@pytest.mark.matrix
def test_commands_during_a_run_show_what_all_workers_have_fetched(
    tmp_path: Path, emulator: GnipHptEmulator
) -> None:
    config = write_config(tmp_path, emulator, settings={"connections": 4})
    process = start(config)
    try:
        end = time.monotonic() + 400
        seen: list[int] = []
        while time.monotonic() < end and process.poll() is None:
            (job,) = call("status", config, "--offline", "--json").jobs
            seen.append(job["here"]["verified"])
            if 10 < seen[-1] < FILES:
                listed = call("files", config, "--json").job["files"]
                reported = call("report", config, "--output", tmp_path / "page.html")
                break
        else:
            pytest.fail(f"no moment in the middle was seen: {seen}")
        emulator.faults.replace("")
        assert process.wait(timeout=400) == 0
    finally:
        process.kill()
        process.wait()
    assert all(first <= second for first, second in pairwise(seen))
    here = {each["file"] for each in listed if each["state"] == "verified"}
    assert len(here) >= seen[-1]
    assert reported.code in {0, 3}, reported.err
    assert "Traceback" not in reported.err


def test_progress_covers_all_workers(tmp_path: Path, emulator: GnipHptEmulator) -> None:
    archive = backhaul.load(write_config(tmp_path, emulator))
    shots: list[backhaul.Progress] = []

    def note(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.Progress):
            shots.append(event)
            if event.bytes > 0:
                emulator.faults.replace("")

    result = archive.run(workers=2, on_event=note)

    (job,) = result.jobs
    assert job.files.verified == FILES
    sizes = [shot.bytes for shot in shots]
    assert sizes == sorted(sizes)
    assert any(0 < size < job.bytes_fetched for size in sizes), "while files are under way"


def test_workers_write_nothing_to_the_terminal(tmp_path: Path, emulator: GnipHptEmulator) -> None:
    emulator.faults.replace("500:5x")
    config = write_config(tmp_path, emulator)
    seen: dict[str, tuple[int, int]] = {}
    for workers in ("1", "2"):
        code, text = raw_on_terminal([*COMMAND, "run", config, "--workers", workers])
        seen[workers] = code, text.count("\x1b[?25l")  # displays that hid the cursor
        (tmp_path / "archive").rename(tmp_path / f"archive-{workers}")
    assert seen["2"] == seen["1"] == (0, 1)

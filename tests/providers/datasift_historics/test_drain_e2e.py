"""Interactions drained by the command while the query is running, killed repeatedly."""

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from backhaul.testing import Recorded
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator

COMMAND = Path(sys.executable).with_name("backhaul")


@pytest.fixture
def emulator(interactions: int, kills: int) -> Iterator[DatasiftHistoricsEmulator]:
    with DatasiftHistoricsEmulator(
        interactions=interactions,
        step=interactions // (5 * kills),
        quiet_every=4,
        waiting=8,
        form="json_meta",
    ) as running:
        yield running


def config(emulator: DatasiftHistoricsEmulator, folder: Path) -> Path:
    path = folder / "fog.yaml"
    job = {
        "source": "ds",
        "id": emulator.main.id,
        "poll": "0.1s",
        "split": "48K",
        "pull_size": "2M",
    }
    text = {
        "version": 1,
        "settings": {"dest": "archive"},
        "sources": {"ds": emulator.source()},
        "jobs": {"fog": job},
    }
    path.write_text(json.dumps(text))
    return path


def run(path: Path) -> subprocess.Popen[bytes]:
    out = path.with_suffix(".out").open("wb")
    log = path.with_suffix(".log").open("ab")
    with out, log:
        return subprocess.Popen(
            [COMMAND, "run", path, "--json", "--wait", "60s"], stdout=out, stderr=log
        )


def pulls(entries: Sequence[Recorded]) -> int:
    return sum(entry.path.endswith("/pull") for entry in entries)


def killed_after(
    process: subprocess.Popen[bytes], emulator: DatasiftHistoricsEmulator, count: int
) -> None:
    """Kills the process after this many pulls."""
    goal = pulls(emulator.requests) + count
    assert emulator.requests.wait(lambda entries: pulls(entries) >= goal)
    assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()


def peak_memory(process: subprocess.Popen[bytes]) -> int:
    """The peak memory of a process in KiB.

    A child's ``ru_maxrss`` would start with its parent's memory.
    """
    status = Path(f"/proc/{process.pid}/status")
    peak = 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        peak = max(peak, int(found[1]) if found else 0)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    return peak


@pytest.mark.parametrize(
    ("interactions", "kills"),
    [(15_000, 3), pytest.param(100_000, 10, marks=[pytest.mark.slow, pytest.mark.timeout(300)])],
)
@pytest.mark.matrix
def test_after_a_kill_at_any_pull_every_interaction_is_stored_exactly_once(
    emulator: DatasiftHistoricsEmulator, tmp_path: Path, interactions: int, kills: int
) -> None:
    path = config(emulator, tmp_path)
    chance = random.Random(7)
    for _ in range(kills):
        process = run(path)
        killed_after(process, emulator, chance.randint(1, 5))
    process = run(path)
    peak = peak_memory(process)

    log = path.with_suffix(".log").read_text()
    assert process.returncode == 0, log
    (job,) = json.loads(path.with_suffix(".out").read_text())["jobs"]
    assert (job["state"], job["records"]) == ("complete", interactions)

    assert emulator.main.feed is not None
    expected, got = sha256(), sha256()
    for line in emulator.main.feed.delivered():
        expected.update(line + b"\n")
    pieces = sorted((tmp_path / "archive" / "fog").glob("*.jsonl.gz"))
    for piece in pieces:
        got.update(gzip.decompress(piece.read_bytes()))
    assert len(pieces) > 3
    assert got.hexdigest() == expected.hexdigest()

    statuses = {entry.status for entry in emulator.requests}
    assert 204 in statuses
    assert 429 not in statuses
    assert peak < 200 * 1024, "KiB"

    before = pulls(emulator.requests)
    again = run(path)
    assert again.wait() == 0
    assert pulls(emulator.requests) == before

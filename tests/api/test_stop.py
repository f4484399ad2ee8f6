"""``stop`` from another thread ends whatever call is under way, within two seconds."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backhaul
from backhaul.errors import ExitCode, InterruptedRunError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.types import RemoteFile

LONG = 3 << 30  # bytes of a sparse file: longer to read than any test waits


@pytest.fixture
def long(tmp_path: Path) -> backhaul.Archive:
    """A job whose only file takes long to read."""
    config = {
        "version": 1,
        "settings": {"dest": str(tmp_path / "archive")},
        "sources": {
            "s": {"provider": "http-series", "url": "http://127.0.0.1:1/{start:%Y-%m-%d}", "every": "1d"}
        },
        "jobs": {"job": {"source": "s", "from": "2015-01-01", "to": "2015-01-02"}},
    }  # fmt: skip
    archive = backhaul.load(config)
    folder = tmp_path / "archive" / "job"
    folder.mkdir(parents=True)
    with (folder / "long.jsonl").open("wb") as file:
        os.truncate(file.fileno(), LONG)
    workspace = archive.configs[0].dest.workspace
    with Ledger(workspace) as ledger:
        job = ledger.jobs.open("job", source="s", provider="http-series")
        ledger.files.add(job, [RemoteFile("long.jsonl", content="jsonl")])
        digest = hashlib.sha256(b"").hexdigest()
        done = ("verified", LONG, digest, 1, None, None, None, 1, 1, job, "long.jsonl")
        ledger.files.save_done([done])
    return archive


def seconds_after_stop(archive: backhaul.Archive, call: Callable[[], object]) -> float:
    """How long a call takes to end once it is stopped."""
    stopped: list[float] = []

    def stop() -> None:
        stopped.append(time.monotonic())
        archive.stop()

    timer = threading.Timer(0.7, stop)
    timer.start()
    try:
        call()
    finally:
        ended = time.monotonic()
        timer.join()
    return ended - stopped[0]


def test_verify_ends_with_130_and_says_so(long: backhaul.Archive) -> None:
    results: list[Any] = []

    assert seconds_after_stop(long, lambda: results.append(long.verify())) < 2

    [result] = results
    assert result.exit_code is ExitCode.INTERRUPTED
    assert result.as_json()["exit_code"] == 130
    assert [(job.job, job.checked, job.problems) for job in result.jobs] == [("job", 0, ())]
    [file] = long.files()
    assert file.state == "verified"  # nothing is marked that was not read to its end


def test_records_end(long: backhaul.Archive) -> None:
    def call() -> None:
        with pytest.raises(InterruptedRunError):
            next(long.records("job"))

    assert seconds_after_stop(long, call) < 2


def test_a_rebuild_ends_and_the_next_starts_again(long: backhaul.Archive) -> None:
    path = ledger_path(long.configs[0].dest.workspace)
    path.unlink()

    def call() -> None:
        with pytest.raises(InterruptedRunError):
            long.rebuild()

    assert seconds_after_stop(long, call) < 2
    assert not path.exists()
    os.truncate(Path(long.configs[0].settings.dest) / "job" / "long.jsonl", 3)
    long.rebuild()
    assert path.exists()


def test_a_call_that_begins_later_is_not_stopped(long: backhaul.Archive) -> None:
    long.stop()
    records = long.records("job")
    path = Path(long.configs[0].settings.dest) / "job" / "long.jsonl"
    path.write_bytes(b"{}\n" * 9)
    with pytest.raises(backhaul.DamagedFileError):
        next(records)

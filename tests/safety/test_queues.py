"""A queue delivers data only once: damaged or missing data is kept and reported."""

import gzip
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from tests.safety.command import call, run, write_config

from backhaul.testing import Recorded
from backhaul.testing.emulator import Emulator
from backhaul.testing.serve import emulator

PULLS = "@*/pull*cursor=*"
QUICK = {"retries": 0, "api_timeout": "1s", "connect_timeout": "2s"}
RUNS_ON = {"interactions": 500, "step": 50, "quiet_every": 2, "pulls_per_second": 100.0}


@pytest.fixture
def form() -> str:
    return "json_new_line"


@pytest.fixture
def damaged(form: str) -> Iterator[Emulator]:
    """A full queue whose first response is damaged at each of three pulls."""
    with emulator(
        "datasift-historics", interactions=300, step=None, waiting=1, form=form
    ) as running:
        running.faults.replace(f"corrupt:3x{PULLS}")
        yield running


def config(
    folder: Path,
    running: Emulator,
    settings: Mapping[str, Any] = MappingProxyType({}),
    *,
    poll: str = "0.1s",
    **source: Any,
) -> Path:
    """The first job alone, with small pulls."""
    name, keys = next(iter(running.jobs().items()))
    jobs = {name: {**keys, "pull_size": "20K", "poll": poll}}
    return write_config(folder, running, settings={**QUICK, **settings}, source=source, jobs=jobs)


def spoil_when_empty(running: Emulator, fault: str, *, answers: int = 1) -> None:
    """Sets the fault once this many pulls have returned data and the next has found nothing."""

    def nothing_now(entries: Sequence[Recorded]) -> bool:
        came = [entry.status for entry in entries if entry.path.endswith("/pull")]
        return came[-1:] == [204] and came.count(200) >= answers

    def wait() -> None:
        if running.requests.wait(nothing_now):
            running.faults.replace(fault)

    threading.Thread(target=wait, daemon=True).start()


def stored(folder: Path) -> list[bytes]:
    """The lines of all pieces, in order."""
    paths = sorted((folder / "archive" / "harbor-fog").glob("*.jsonl.gz"))
    return [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]


def first_piece(folder: Path) -> Path:
    (*_, path) = (folder / "archive").rglob("*-00001.jsonl.gz")
    return path


def delivered(running: Any) -> list[bytes]:
    return list(running.main.feed.delivered())


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


# -- damaged each time ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json_new_line", "json_meta"])
def test_an_answer_that_is_damaged_each_time_is_kept_and_the_run_says_so(
    damaged: Emulator, tmp_path: Path
) -> None:
    ran = run(config(tmp_path, damaged))

    assert damaged.faults.hits("corrupt") == 3
    lines, good = stored(tmp_path), delivered(damaged)
    bad = [line for line in lines if not is_json(line)]
    assert len(lines) == len(good)
    assert 1 <= len(bad) <= 2
    assert [line for line in lines if is_json(line)] == [
        line for line, came in zip(good, lines, strict=True) if is_json(came)
    ]
    assert (ran.code, ran.job["state"]) == (8, "partial")
    (failure,) = ran.job["failures"]
    assert failure["kind"] == "corrupt"
    assert failure["file"] == first_piece(tmp_path).name
    assert ran.job["files"]["corrupt"] == 1
    assert ran.job["files"]["verified"] >= 1, "the damage is in a piece of its own"


def test_data_that_arrived_damaged_shows_in_status_files_and_gaps(
    damaged: Emulator, tmp_path: Path
) -> None:
    path = config(tmp_path, damaged)
    run(path)
    piece = first_piece(tmp_path).name

    assert call("status", path, "--json").job["here"]["corrupt"] == 1
    assert "1 corrupt" in call("status", path).out
    (file,) = [f for f in call("files", path, "--json").job["files"] if f["state"] != "verified"]
    assert (file["file"], file["state"], file["kind"]) == (piece, "corrupt", "corrupt")
    assert re.search(r"\d", file["message"]), "the place is named"
    (short,) = {(slot["file"], slot["state"]) for slot in call("gaps", path, "--json").job["slots"]}
    assert short == (piece, "corrupt")
    sums = (first_piece(tmp_path).parent / "SHA256SUMS").read_text()
    assert piece not in sums
    assert call("plan", path, "--json").job["files"] == 0


def test_neither_a_later_run_nor_verify_clears_the_damage(
    damaged: Emulator, tmp_path: Path
) -> None:
    path = config(tmp_path, damaged)
    (failure,) = run(path).job["failures"]
    damaged.faults.replace("")
    before = stored(tmp_path)

    assert run(path).job["failures"] == [failure]
    checked = call("verify", path, "--json")
    (problem,) = checked.job["problems"]
    assert (checked.code, problem) == (8, {each: failure[each] for each in problem})
    again = run(path)
    assert (again.code, again.job["failures"]) == (8, [failure])
    assert stored(tmp_path) == before


def test_a_rebuilt_ledger_does_not_call_damaged_data_complete(
    damaged: Emulator, tmp_path: Path
) -> None:
    path = config(tmp_path, damaged)
    run(path)
    (tmp_path / "archive" / ".backhaul" / "ledger.sqlite").unlink()

    call("verify", path, "--rebuild")

    names = [file["file"] for file in call("files", path, "--json").job["files"]]
    assert names
    assert first_piece(tmp_path).name not in names
    assert run(path).code == 8


def test_a_piece_repaired_by_hand_counts_as_complete(damaged: Emulator, tmp_path: Path) -> None:
    path = config(tmp_path, damaged)
    run(path)
    piece = first_piece(tmp_path)
    lines = gzip.decompress(piece.read_bytes()).splitlines(keepends=True)
    good = delivered(damaged)[: len(lines)]
    piece.write_bytes(gzip.compress(b"".join(line + b"\n" for line in good)))

    ran = run(path)

    assert (ran.code, ran.job["state"], ran.job["failures"]) == (0, "complete", [])
    assert call("verify", path).code == 0


def test_damage_is_reported_even_if_the_query_is_still_running_and_the_queue_is_left(
    tmp_path: Path,
) -> None:
    with emulator("datasift-historics", **RUNS_ON) as running:
        running.faults.replace(f"corrupt:all{PULLS}")
        spoil_when_empty(running, f"denied:all{PULLS}", answers=4)
        ran = run(config(tmp_path, running))
    assert ran.kinds == {"corrupt", "denied"}
    assert ran.job["files"]["corrupt"] > 0


# -- throttled, or silent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "timeout", "kind"), [("429:all", "1s", "throttled"), ("stall:all", "4s", "timeout")]
)
def test_a_queue_that_stops_answering_while_the_query_runs_is_not_taken_for_an_empty_one(
    tmp_path: Path, fault: str, timeout: str, kind: str
) -> None:
    # Both last longer than the three seconds after which an empty queue is left.
    with emulator("datasift-historics", **RUNS_ON) as running:
        path = config(tmp_path, running, {"api_timeout": timeout}, poll="1s", patience="4s")
        spoil_when_empty(running, f"{fault}{PULLS}")
        began = time.monotonic()
        ran = run(path)
        assert time.monotonic() - began < 15
        assert (ran.code, ran.kinds) == (6, {kind}), ran.err
        assert ran.job["bytes_fetched"] > 0, "it came before, and is kept"
        assert call("status", path, "--json").job["at_provider"]["state"] == "running"

        running.faults.replace("")
        retried = run(config(tmp_path, running, poll="0.03s"), "--wait", "60s")
        assert (retried.code, retried.job["state"]) == (0, "complete")
        assert stored(tmp_path) == delivered(running)


def test_a_queue_that_is_merely_empty_means_that_the_job_is_not_ready(tmp_path: Path) -> None:
    with emulator("datasift-historics", interactions=300, waiting=10**6) as running:
        ran = run(config(tmp_path, running))
    assert (ran.code, ran.job["state"], ran.job["failures"]) == (5, "not_ready", [])

"""A running batch, watched from another terminal."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests import event_lines, warm

from backhaul.cli.main import main
from backhaul.ledger.ledger import Ledger
from backhaul.storage.holders import holder
from backhaul.storage.lease import Lease
from backhaul.testing.serve import emulator


@contextmanager
def watching(config: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a subprocess, with its output captured."""
    with warm.Popen(
        [sys.executable, "-m", "backhaul", "watch", str(config), *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_picture(process: "subprocess.Popen[str]") -> str:
    """Reads up to the line that ends a snapshot."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if " here" in line and not line.startswith("job"):
            return "".join(lines)
    return "".join(lines)


def complete_pending_files(archive: Path) -> None:
    """Records each pending file as verified, as a run would."""
    with Ledger(archive / ".backhaul") as ledger:
        job = ledger.jobs.open("worldcup", source="gnip", provider="gnip-hpt")
        unfinished = [
            row.name for row in ledger.inventory.files(job) if row.state in ("pending", "partial")
        ]
        ledger.files.save_done(
            [
                ("verified", 10, "0" * 64, 1, None, None, None, 1, 4, job, name)
                for name in unfinished
            ]
        )


def test_a_held_job_names_its_process(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lease = Lease(small.parent / "archive" / ".backhaul", "worldcup")
    found = holder(small.parent / "archive" / ".backhaul", "worldcup")
    assert found is not None
    assert main(["watch", "--once", str(small)]) == 0
    lease.release()
    reported = capsys.readouterr().out
    assert str(found.pid) in reported
    assert found.host in reported


def test_a_released_job_has_no_holder(small: Path) -> None:
    archive = small.parent / "archive"
    assert holder(archive / ".backhaul", "worldcup") is None
    Lease(archive / ".backhaul", "worldcup").release()
    assert holder(archive / ".backhaul", "worldcup") is None


def test_watching_does_not_affect_the_next_lock(small: Path) -> None:
    archive = small.parent / "archive"
    Lease(archive / ".backhaul", "worldcup").release()
    assert holder(archive / ".backhaul", "worldcup") is None
    Lease(archive / ".backhaul", "worldcup").release()


def test_a_process_that_died_holds_nothing(small: Path) -> None:
    archive = small.parent / "archive"
    script = (
        "import os, sys, pathlib; from backhaul.storage.lease import Lease;"
        " Lease(pathlib.Path(sys.argv[1]) / '.backhaul', 'worldcup'); os._exit(9)"
    )
    assert warm.run([sys.executable, "-c", script, archive], check=False).returncode == 9
    assert holder(archive / ".backhaul", "worldcup") is None


def test_without_a_run_it_shows_the_state_and_ends(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(small)]) == 0
    reported = capsys.readouterr().out
    assert str(os.getpid()) not in reported
    assert "worldcup" in reported


def test_it_ends_when_the_run_ends_and_shows_what_arrived(small: Path) -> None:
    archive = small.parent / "archive"
    lease = Lease(archive / ".backhaul", "worldcup")
    with watching(small) as process:
        first = first_picture(process)
        complete_pending_files(archive)
        lease.release()
        last, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "pending" in first
    assert "pending" not in last


def test_events_follow_a_run_until_it_ends(small: Path) -> None:
    archive, log = small.parent / "archive", small.parent / "events.jsonl"
    lease = Lease(archive / ".backhaul", "worldcup")
    with watching(small, "--events", "-") as process:
        assert process.stdout is not None
        first = event_lines.checked(process.stdout.readline())[0]
        complete_pending_files(archive)
        lease.release()
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    *_, last = event_lines.checked(rest)
    assert main(["watch", str(small), "--events", str(log)]) == 0

    assert {each["event"] for each in (first, last)} == {"progress"}
    assert (first["job"], first["folder"]) == ("worldcup", str(archive / "worldcup"))
    assert (first["phase"], first["ended"], first["bytes"]) == ("fetching", False, 0)
    assert first["done"] < last["done"] == last["total"] == first["total"]
    assert last["ended"]
    assert last["bytes"] > 0
    (again,) = event_lines.read(log)
    same = ("job", "folder", "phase", "done", "failed", "total", "ended")
    assert {key: again[key] for key in same} == {key: last[key] for key in same}


def test_events_of_a_job_that_never_ran(small: Path) -> None:
    elsewhere = small.parent / "elsewhere"
    elsewhere.mkdir()
    config, log = elsewhere / small.name, elsewhere / "events.jsonl"
    config.write_text(small.read_text())

    assert main(["watch", str(config), "--events", str(log)]) == 0

    (only,) = event_lines.read(log)
    assert (only["phase"], only["ended"], only["total"]) == ("never run", True, None)


def test_ctrl_c_ends_it_quietly(small: Path) -> None:
    lease = Lease(small.parent / "archive" / ".backhaul", "worldcup")
    with watching(small) as process:
        first_picture(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    lease.release()


def test_a_real_run_can_be_watched(tmp_path: Path) -> None:
    import yaml  # noqa: PLC0415 - only needed here

    with emulator("gnip-hpt", faults="slow=200:all") as up:
        config = tmp_path / "batch.yaml"
        jobs = {name: {"source": "s", **keys} for name, keys in up.jobs().items()}
        text = {
            "version": 1,
            "settings": {"dest": "a"},
            "sources": {"s": up.source()},
            "jobs": jobs,
        }
        config.write_text(yaml.safe_dump(text))
        running = warm.Popen(
            [sys.executable, "-m", "backhaul", "run", "-q", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with running:
            try:
                assert up.requests.wait(lambda seen: any(one.port == "storage" for one in seen))
                with watching(config) as process:
                    assert f" {running.pid} " in first_picture(process)
            finally:
                running.terminate()
                running.wait(30)

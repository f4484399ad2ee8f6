"""``stop`` from another thread ends any running call within two seconds."""

import hashlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.soon import SOON

import backhaul
from backhaul.errors import ExitCode, InterruptedRunError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.types import RemoteFile

LONG = 3 << 30  # bytes of a sparse file, which takes longer to read than any test


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
    over = threading.Event()

    def stop() -> None:
        while not over.wait(0.7):  # on a busy machine, the first may come before the call has begun
            stopped.append(time.monotonic())
            archive.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        call()
    finally:
        ended = time.monotonic()
        over.set()
        stopper.join()
    return ended - stopped[0]


def test_verify_ends_with_130_and_reports_it(long: backhaul.Archive) -> None:
    results: list[Any] = []

    assert seconds_after_stop(long, lambda: results.append(long.verify())) < SOON

    [result] = results
    assert result.exit_code is ExitCode.INTERRUPTED
    assert result.as_json()["exit_code"] == 130
    assert [(job.job, job.checked, job.problems) for job in result.jobs] == [("job", 0, ())]
    [file] = long.files()
    assert file.state == "verified"  # only files that were read to the end are marked


def test_records_stop_early(long: backhaul.Archive) -> None:
    def call() -> None:
        with pytest.raises(InterruptedRunError):
            next(long.records("job"))

    assert seconds_after_stop(long, call) < SOON


def test_a_copy_ends_and_the_next_one_resumes(long: backhaul.Archive, tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "job"
    digest = hashlib.sha256(b"{}\n").hexdigest()
    (folder / "a.jsonl").write_bytes(b"{}\n")
    with Ledger(long.configs[0].dest.workspace) as ledger:
        job = ledger.jobs.open("job", source="s", provider="http-series")
        ledger.files.add(job, [RemoteFile("a.jsonl", content="jsonl")])
        ledger.files.save_done([("verified", 3, digest, 1, None, None, None, 1, 1, job, "a.jsonl")])
    copy = raises_stopped(lambda: long.copy(str(tmp_path / "copy")))

    assert seconds_after_stop(long, copy) < SOON

    assert not (tmp_path / "copy" / "job" / "long.jsonl").exists()
    (folder / "long.jsonl").unlink()
    [again] = long.copy(str(tmp_path / "copy")).jobs
    assert (again.copied, [each.file for each in again.problems]) == (1, ["long.jsonl"])
    assert (tmp_path / "copy" / "job" / "a.jsonl").read_bytes() == b"{}\n"


def test_a_rebuild_ends_and_the_next_starts_again(long: backhaul.Archive) -> None:
    path = ledger_path(long.configs[0].dest.workspace)
    path.unlink()

    def call() -> None:
        with pytest.raises(InterruptedRunError):
            long.rebuild()

    assert seconds_after_stop(long, call) < SOON
    assert not path.exists()
    os.truncate(Path(long.configs[0].settings.dest) / "job" / "long.jsonl", 3)
    long.rebuild()
    assert path.exists()


HANGING = """
import threading
from backhaul import JobOptions, JobState, JobStatus, ProviderInfo, SourceOptions, hookimpl

HANGS, END = {hook!r}, threading.Event()

@hookimpl
def provider():
    return ProviderInfo("hanging", SourceOptions, JobOptions)

@hookimpl
def get_status():
    HANGS == "get_status" and END.wait(60)
    return JobStatus(JobState.READY)

@hookimpl
def resolve_files():
    HANGS == "resolve_files" and END.wait(60)
    yield from ()
"""


def install(folder: Path, module: str, text: str) -> None:
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[backhaul.providers]\n{module} = {module}\n")


@pytest.fixture(params=["get_status", "resolve_files"])
def hung_plugin(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[backhaul.Archive]:
    """Two jobs of a provider that does not return, and cannot be interrupted."""
    module = f"hangs_in_{request.param}"
    install(tmp_path, module, HANGING.format(hook=request.param))
    monkeypatch.syspath_prepend(tmp_path)
    jobs = {name: {"source": "s"} for name in ("one", "two")}
    yield backhaul.load(configuration(tmp_path, {"provider": module}, jobs))
    sys.modules.pop(module).END.set()


@pytest.fixture
def silent_server(tmp_path: Path) -> Iterator[backhaul.Archive]:
    """Two jobs of a provider whose server accepts connections and never answers."""
    jobs = {name: {"source": "s", "id": name} for name in ("one", "two")}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        keys = {"account": "a", "username": "u", "password": "p", "base_url": url}
        yield backhaul.load(configuration(tmp_path, {"provider": "gnip-hpt", **keys}, jobs))


def configuration(folder: Path, source: dict[str, Any], jobs: dict[str, Any]) -> dict[str, Any]:
    dest = str(folder / "archive")
    return {"version": 1, "settings": {"dest": dest}, "sources": {"s": source}, "jobs": jobs}


def raises_stopped(call: Callable[[], object]) -> Callable[[], None]:
    def expecting() -> None:
        with pytest.raises(InterruptedRunError, match=r"^stopped"):
            call()

    return expecting


def test_a_plan_ends_even_if_the_plugin_hangs(hung_plugin: backhaul.Archive) -> None:
    assert seconds_after_stop(hung_plugin, raises_stopped(hung_plugin.plan)) < SOON


def test_a_plan_ends_even_if_the_server_hangs(silent_server: backhaul.Archive) -> None:
    assert seconds_after_stop(silent_server, raises_stopped(silent_server.plan)) < SOON


@pytest.mark.parametrize("hung_plugin", ["get_status"], indirect=True)
def test_a_status_ends_even_if_the_plugin_hangs(hung_plugin: backhaul.Archive) -> None:
    assert seconds_after_stop(hung_plugin, raises_stopped(hung_plugin.status)) < SOON


def test_a_status_ends_even_if_the_server_hangs(silent_server: backhaul.Archive) -> None:
    assert seconds_after_stop(silent_server, raises_stopped(silent_server.status)) < SOON


def test_a_call_that_begins_later_is_not_stopped(long: backhaul.Archive) -> None:
    long.stop()
    records = long.records("job")
    path = Path(long.configs[0].settings.dest) / "job" / "long.jsonl"
    path.write_bytes(b"{}\n" * 9)
    with pytest.raises(backhaul.DamagedFileError):
        next(records)

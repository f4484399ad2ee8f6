"""Runs whose transfers are carried out by worker processes."""

import gzip
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests import warm
from tests.core.transfer.processes.counting import CountingServer
from tests.core.transfer.test_large_files import provider
from tests.one_job import one_job
from tests.safety.command import call, unfinished, write_config
from tests.shelf import Shelf, large_archive
from tests.usual import usual

from backhaul import JobOptions, Pace, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.errors import FailureKind
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.result import JobResult
from backhaul.transfer.on_demand import OnDemand
from backhaul.transfer.processes import auto, fork_server
from backhaul.transfer.processes import process_pool as pool_module
from backhaul.transfer.processes.process_pool import ProcessPool
from backhaul.transfer.thread import TransferThread
from backhaul.transfer.unit import origin
from backhaul_gnip_hpt.emulator import GnipHptEmulator

MB = 1 << 20


def bodies(count: int) -> dict[str, bytes]:
    return {
        f"many/{number}.json.gz": gzip.compress(b'{"n": %d}\n' % number, mtime=0)
        for number in range(count)
    }


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        yield started


def pool(driver: Driver) -> ProcessPool | None:
    executor = driver.engine.executor
    assert isinstance(executor, OnDemand)
    assert isinstance(executor.made, ProcessPool | None)
    return executor.made


def workers(driver: Driver) -> list[int]:
    """The process ids of a run's workers."""
    made = pool(driver)
    return [] if made is None else [each.pid for each in list(made._crew.workers.values())]


def is_gone(pid: int) -> bool:
    with suppress(FileNotFoundError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z"
    return True


def rows(dest: Path) -> list[tuple[Any, ...]]:
    """The ledger's data about each file, except times."""
    with closing(sqlite3.connect(dest / ".backhaul" / "ledger.sqlite")) as ledger:
        return ledger.execute(
            "SELECT name, state, size, sha256, records, proof, message FROM files ORDER BY name"
        ).fetchall()


def run(
    shelf: Shelf, dest: Path, data: dict[str, bytes], *more: str, **settings: Any
) -> tuple[JobResult, Driver]:
    for name, body in data.items():
        shelf.storage.put(name, body)
    driver = one_job(provider(shelf, *data, *more), dest, **settings)
    (result,) = driver.run().jobs
    return result, driver


def assert_same(dest: Path, data: dict[str, bytes]) -> None:
    assert {name: (dest / "job" / name).read_bytes() for name in data} == data
    assert not list((dest / "job").rglob("*.part*"))
    assert [row[:2] for row in rows(dest) if row[0] in data] == sorted(
        (name, "verified") for name in data
    )


def test_two_workers_produce_the_same_bytes_and_the_same_ledger(
    shelf: Shelf, tmp_path: Path
) -> None:
    data = {
        "large.json.gz": large_archive(1, 17 * MB),
        "middle.json.gz": large_archive(2, 2 * MB),
        **bodies(300),
    }
    one, _ = run(shelf, tmp_path / "one", data, "missing.json.gz")
    two, driver = run(shelf, tmp_path / "two", data, "missing.json.gz", workers=2)
    assert (two.files, two.failures) == (one.files, one.failures)
    assert rows(tmp_path / "two") == rows(tmp_path / "one")
    assert_same(tmp_path / "two", data)
    made = pool(driver)
    assert made is not None
    assert made._local.counters.finished == 0
    assert driver.engine.counters.finished == len(data)
    assert driver.engine.counters.by_job == {"0:job": sum(map(len, data.values()))}
    assert [host for host, _ in driver.engine.hosts()] == [origin(shelf.storage.link("x"))]


def kill_once(
    when: Callable[[Driver], bool], number: int = signal.SIGKILL
) -> Callable[[Driver], None]:
    """Sends a signal to a worker as soon as this is true."""
    killed: list[int] = []

    def tick(driver: Driver) -> None:
        if not killed and when(driver):
            killed.append(workers(driver)[0])
            os.kill(killed[0], number)

    return tick


@pytest.mark.parametrize("share", usual([0, 0.3, 0.8], 0.3))
def test_a_worker_that_is_killed_costs_time_only(
    shelf: Shelf, tmp_path: Path, share: float
) -> None:
    data = {"large.json.gz": large_archive(1, 6 * MB), **bodies(400)}
    shelf.faults.replace("slow=3000000:all")
    dying = kill_once(
        lambda driver: (
            bool(workers(driver)) and driver.engine.counters.finished >= share * len(data)
        )
    )
    result, _ = run(shelf, tmp_path, data, workers=2, on_tick=dying)
    assert (result.files.verified, result.failures) == (len(data), ())
    assert_same(tmp_path, data)


def test_no_worker_is_left_when_a_run_is_interrupted(shelf: Shelf, tmp_path: Path) -> None:
    data = bodies(200)
    shelf.faults.replace("slow=100:all")
    pids: list[int] = []

    def stop(driver: Driver) -> None:
        if driver.engine.counters.active:
            pids.extend(workers(driver))
            driver.interrupt()

    result, _ = run(shelf, tmp_path, data, workers=2, on_tick=stop)
    assert result.files.verified < len(data)
    assert len(set(pids)) == 2
    assert all(map(is_gone, pids))
    shelf.faults.replace("")
    result, _ = run(shelf, tmp_path, data, workers=2)
    assert (result.files.verified, result.failures) == (len(data), ())
    assert_same(tmp_path, data)


@pytest.mark.parametrize(
    ("most", "per_host", "count"), usual([(8, 8, 400), (5, 5, 400), (32, 3, 300), (1, 1, 50)], 8)
)
def test_workers_share_the_connection_limit(
    tmp_path: Path, most: int, per_host: int, count: int
) -> None:
    with CountingServer(lambda _: gzip.compress(b"{}\n"), delay=0.05) as server:
        driver = one_job(
            linked(server, count),
            tmp_path,
            workers=2,
            connections=most,
            connections_per_host=per_host,
        )
        (result,) = driver.run().jobs
        assert (result.files.verified, result.failures) == (count, ())
        assert server.most == min(most, per_host)


class Paced(SourceOptions):
    pace: Pace | None = None


@pytest.mark.parametrize(("pace", "helpers"), [(None, True), (Pace(400), False)])
def test_a_source_with_a_pace_stays_in_one_process(
    tmp_path: Path, pace: Pace | None, *, helpers: bool
) -> None:
    with CountingServer(lambda _: gzip.compress(b"{}\n"), delay=0.02) as server:
        source = Paced.model_construct(pace=pace)
        driver = one_job(linked(server, 200), tmp_path, workers=2, source_options=source)
        (result,) = driver.run().jobs
    made = pool(driver)
    assert result.files.verified == 200
    assert (made is not None and made._crew.started) is helpers


def linked(server: CountingServer, count: int) -> Provider:
    """A provider of this many files of a server."""
    module = ModuleType("linked")

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("Linked", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        for number in range(count):
            yield RemoteFile(f"{number}.json.gz", f"{server.url}/{number}")

    for hook in (provider, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    return build(module, name="linked")


def test_workers_share_the_rate_limit(tmp_path: Path) -> None:
    body = gzip.compress(b'"%s"\n' % os.urandom(1 << 16).hex().encode(), compresslevel=0)
    rate = 2 * MB
    with CountingServer(lambda _: body) as server:
        driver = one_job(linked(server, 60), tmp_path, workers=2, limit_rate=rate)
        start = time.monotonic()
        (result,) = driver.run().jobs
        span = time.monotonic() - start
    assert result.files.verified == 60
    allowed = (server.sent - rate * 0.25) / rate  # may accumulate
    assert span > 0.95 * allowed


@pytest.mark.matrix
def test_auto_starts_workers_while_one_process_cannot_keep_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 2)
    monkeypatch.setattr(auto, "_BUSY", -1.0)
    monkeypatch.setattr(auto, "_AHEAD", -1.0)
    data = {f"{number}.json.gz": body for number, body in enumerate(bodies(1500).values())}
    with CountingServer(lambda path: data[f"{path[1:]}.json.gz"]) as server:
        driver = one_job(linked(server, len(data)), tmp_path, workers="auto", connections=4)

        def is_alone() -> bool:
            made = pool(driver)
            ready = made is not None and any(
                each.ready for each in list(made._crew.workers.values())
            )
            return len(server.times) > 500 and not ready

        server.holds = is_alone
        (result,) = driver.run().jobs
    assert (result.files.verified, result.failures) == (len(data), ())
    assert_same(tmp_path, data)
    made = pool(driver)
    assert made is not None
    assert 0 < made._local.counters.finished < len(data)


@pytest.mark.parametrize(
    "size", usual([600_000, 2 * MB, 20 * MB], 2 * MB), ids=["memory", "whole", "segmented"]
)
@pytest.mark.parametrize("ends", ["run", "job"])
def test_a_stop_keeps_the_received_data_even_if_the_thread_of_the_workers_is_busy(
    shelf: Shelf, tmp_path: Path, size: int, ends: str
) -> None:
    shelf.faults.replace("stall:all@*large.json.gz")  # half of each body, then nothing
    slept: list[bool] = []

    def stop(driver: Driver) -> None:
        made = pool(driver)
        if made is not None and driver.engine.counters.bytes > 200_000 and not slept:
            slept.append(True)
            made._post(time.sleep, 1.0)
            if ends == "run":
                driver.interrupt()
            else:
                driver.jobs.end_at_once(driver.all_jobs, FailureKind.DISK, "no space")

    shelf.storage.put("large.json.gz", large_archive(1, size))
    driver = one_job(provider(shelf, "large.json.gz"), tmp_path, workers="auto", on_tick=stop)
    driver.run()
    first = driver.engine.counters.bytes
    shelf.faults.replace("")
    shelf.requests.clear()
    again = one_job(provider(shelf, "large.json.gz"), tmp_path)
    (result,) = again.run().jobs
    assert (result.exit_code, slept) == (0, [True])
    assert again.engine.counters.bytes <= (tmp_path / "job/large.json.gz").stat().st_size - first


def test_auto_starts_no_workers_for_little_work(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 2)
    result, driver = run(shelf, tmp_path, bodies(100), workers="auto")
    assert result.files.verified == 100
    made = pool(driver)
    assert made is not None
    assert not made._crew.started


def test_auto_has_one_process_on_one_core(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 1)
    result, driver = run(shelf, tmp_path, bodies(10), workers="auto")
    assert result.files.verified == 10
    assert isinstance(driver.engine.executor, OnDemand)
    assert isinstance(driver.engine.executor.made, TransferThread)


def test_the_connections_that_a_host_allowed_are_remembered(shelf: Shelf, tmp_path: Path) -> None:
    data = bodies(1)  # for one of the workers
    _, driver = run(shelf, tmp_path, data, workers=2, connections=8)
    assert [limit for _, limit in driver.engine.hosts()] == [8]


@pytest.mark.matrix
def test_rejected_bodies_are_kept_however_long_that_takes(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CLOSING", 5.0)
    page = b"<html><body>Sorry, your link /a?sig=0123456789 has expired</body></html>\n" * 60_000
    result, _ = run(shelf, tmp_path, {"page.gz": page}, workers=2)
    assert [failure.kind.value for failure in result.failures] == ["not_data"]
    kept = tmp_path / ".backhaul" / "rejected" / "job" / "page.gz"
    assert kept.read_bytes().count(b"Sorry") > 1000
    assert kept.with_name("page.gz.reason.json").exists()


@pytest.mark.matrix
def test_workers_share_the_limit_of_rejected_bodies(shelf: Shelf, tmp_path: Path) -> None:
    limit, each = 1_000_000, 20_000
    pages = {
        f"{number:03}.gz": (b"<html><body>%d</body></html>\n" % number).ljust(each)
        for number in range(150)
    }
    result, _ = run(shelf, tmp_path, pages, workers=3, rejected_limit=limit)
    assert {failure.kind.value for failure in result.failures} == {"not_data"}
    entry = each + 8192
    kept = sum(path.suffix == ".gz" for path in (tmp_path / ".backhaul" / "rejected").rglob("*"))
    assert limit - entry < kept * entry <= limit


COMMAND = [sys.executable, "-c", "import sys; from backhaul.cli.main import main; sys.exit(main())"]


def start(config: Path) -> "subprocess.Popen[bytes]":
    words = [*COMMAND, "run", str(config), "--json", "-q", "--workers", "2"]
    return warm.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def children(pid: int) -> list[int]:
    text = "".join(
        path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children") if path.exists()
    )
    return [int(word) for word in text.split()]


def family(pid: int) -> list[int]:
    """The fork server of a command and its workers."""
    (server,) = children(pid)
    return [server, *children(server)]


def all_gone(pids: list[int]) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end and not all(map(is_gone, pids)):
        time.sleep(0.01)
    return all(map(is_gone, pids))


@pytest.mark.parametrize(
    "number", usual([signal.SIGKILL, signal.SIGINT, signal.SIGTERM], signal.SIGKILL)
)
def test_no_worker_outlives_the_command(tmp_path: Path, number: int) -> None:
    with GnipHptEmulator(slots=60, silent=0.0, faults="slow=3000:all") as emulator:
        config = write_config(tmp_path, emulator)
        process = start(config)
        assert emulator.requests.wait(
            lambda entries: sum(each.port == "storage" for each in entries) >= 20, timeout=30
        )
        pids = family(process.pid)
        assert len(pids) == 3
        process.send_signal(number)
        assert process.wait(timeout=20) == (130 if number != signal.SIGKILL else -number)
        assert all_gone(pids)
        emulator.faults.replace("")
        ran = call("run", config, "--json", "--workers", "2")
    assert (ran.code, ran.job["files"]["verified"]) == (0, 60)
    assert unfinished(tmp_path / "archive") == []


@pytest.mark.matrix
def test_workers_of_a_killed_fork_server_are_replaced(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=60, silent=0.0, faults="slow=3000:all") as emulator:
        process = start(write_config(tmp_path, emulator))
        assert emulator.requests.wait(
            lambda entries: sum(each.port == "storage" for each in entries) >= 20, timeout=30
        )
        pids = family(process.pid)
        os.kill(pids[0], signal.SIGKILL)
        assert all_gone(pids)
        emulator.faults.replace("")
        assert process.wait(timeout=40) == 0
    states = {row[1] for row in rows(tmp_path / "archive")}
    assert states == {"verified"}
    assert unfinished(tmp_path / "archive") == []


def test_ctrl_c_does_not_end_a_worker_that_is_starting() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = fork_server.start_program(theirs)
        theirs.close()
        try:
            for _ in range(100):
                process.send_signal(signal.SIGINT)
                time.sleep(0.002)
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()

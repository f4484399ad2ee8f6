"""Clusters whose workers come later, and clusters that do not answer."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.transfer.cluster.fetched import (
    After,
    after,
    assert_nothing_left,
    body,
    configured,
    expected,
    files,
)
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.threads import assert_no_threads

import backhaul
from backhaul.transfer.cluster import attach, waiting

Own = Callable[[int], DaskCluster]
AT_ONCE = 50  # seconds, on a busy machine: two are usual, and a run that is not stopped takes 60


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SAY", 0.2)


def waits(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether a run has said that it waits for workers."""
    return any("has no worker yet; waiting" in each.message for each in caplog.records)


def stop(archive: backhaul.Archive, running: "Future[backhaul.RunResult]") -> None:
    """Stops a run, which must end at once."""
    began = time.monotonic()
    archive.stop()
    assert running.result().exit_code == 130
    assert time.monotonic() - began < AT_ONCE
    assert_no_threads()


def test_a_run_waits_for_the_first_worker_and_says_so(
    own_cluster: Own,
    server: CountingServer,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = own_cluster(0)
    archive = configured(server.url, tmp_path / "a", cluster, count=50)
    with caplog.at_level(logging.WARNING, "backhaul"):
        running = pool.submit(archive.run)
        after(lambda: waits(caplog), cluster.add)
        assert running.result().exit_code == 0
    assert files(tmp_path / "a") == expected(count=50)


def test_a_cluster_that_gets_no_worker_ends_the_run_with_6(
    own_cluster: Own, server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE", 1.0)
    cluster = own_cluster(0)
    result = configured(server.url, tmp_path / "a", cluster, count=1).run()
    assert result.exit_code == 6
    (failure,) = result.jobs[0].failures
    assert f"{cluster.address} has had no worker for 1 seconds" in failure.message
    assert server.times == []


def test_a_stop_while_a_run_waits_for_workers_ends_it(
    own_cluster: Own,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    archive = configured("http://127.0.0.1:9", tmp_path / "a", own_cluster(0), count=1)
    with caplog.at_level(logging.WARNING, "backhaul"):
        running = pool.submit(archive.run)
        after(lambda: waits(caplog), bool)
        stop(archive, running)


@pytest.mark.usefixtures("installed")
def test_a_stop_while_a_scheduler_does_not_answer_ends_the_run(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        archive = configured("http://127.0.0.1:9", tmp_path / "a", None, count=1)
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        running = pool.submit(archive.run, cluster=address)
        connection, _ = silent.accept()
        with connection:
            stop(archive, running)


@pytest.mark.usefixtures("installed")
def test_what_is_no_scheduler_ends_the_run_with_6(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "_PATIENCE", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        archive = configured("http://127.0.0.1:9", tmp_path / "a", None, count=1)
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        result = archive.run(cluster=address)
    assert result.exit_code == 6
    (failure,) = result.jobs[0].failures
    assert f"no Dask scheduler responds at {address}: no answer in 1 seconds; " in failure.message
    assert "or use TLS (tls://127.0.0.1:" in failure.message


@pytest.mark.parametrize("who", ["scheduler", pytest.param("worker", marks=pytest.mark.slow)])
@pytest.mark.matrix
def test_a_stop_while_a_process_of_the_cluster_hangs_ends_the_run(
    own_cluster: Own, server: CountingServer, tmp_path: Path, pool: ThreadPoolExecutor, who: str
) -> None:
    cluster = own_cluster(1)
    (worker,) = cluster.workers
    process = worker if who == "worker" else cluster.scheduler
    archive = configured(server.url, tmp_path / "a", cluster, count=2000)
    hangs = threading.Event()

    def hang() -> None:
        os.kill(process.pid, signal.SIGSTOP)
        hangs.set()

    running = pool.submit(archive.run, on_event=After(100, hang))
    hangs.wait()
    stop(archive, running)
    process.kill()
    again = configured(server.url, tmp_path / "a", None, count=2000).run()
    assert again.exit_code == 0
    assert files(tmp_path / "a") == expected(count=2000)
    assert_nothing_left(tmp_path / "a")


@pytest.mark.matrix
def test_a_worker_that_joins_a_run_is_used(
    own_cluster: Own, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    cluster = own_cluster(1)
    seen = tmp_path / "seen"
    seen.mkdir()
    with CountingServer(body, delay=0.2) as server:
        archive = configured(
            server.url,
            tmp_path / "a",
            cluster,
            settings={"connections": 4},
            count=1000,
            checked=str(seen),
        )
        running = pool.submit(archive.run, on_event=After(20, cluster.add))

        def fast() -> None:
            server._delay = 0.0

        after(lambda: len(list(seen.iterdir())) == 2 or running.done(), fast)
        assert running.result().exit_code == 0
    assert {int(each.name) for each in seen.iterdir()} == {each.pid for each in cluster.workers}
    assert files(tmp_path / "a") == expected(count=1000)

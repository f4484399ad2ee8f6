"""Workers that leave a run without having crashed, or that Dask pauses."""

import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from tests.core.transfer.cluster.fetched import (
    After,
    after,
    assert_nothing_left,
    configured,
    expected,
    files,
)
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.usual import usual

from backhaul.transfer.cluster import crew, waiting, worker

Own = Callable[[int], DaskCluster]
Depart = Callable[[DaskCluster, Client], object]
FEW = 8


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_AGAIN", 0.2)


@pytest.mark.slow
def test_a_worker_that_its_nanny_starts_again_costs_only_time(
    own_cluster: Own, server: CountingServer, tmp_path: Path
) -> None:
    cluster = own_cluster(0)
    cluster.add(nanny=True)
    seen = tmp_path / "seen"
    seen.mkdir()

    def kill() -> None:
        (process,) = seen.iterdir()
        os.kill(int(process.name), signal.SIGKILL)

    archive = configured(server.url, tmp_path / "a", cluster, count=700, checked=str(seen))
    result = archive.run(on_event=After(100, kill))
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert len(list(seen.iterdir())) == 2
    assert files(tmp_path / "a") == expected(count=700)
    assert_nothing_left(tmp_path / "a")


def restart(cluster: DaskCluster, client: Client) -> None:
    del cluster
    client.restart(timeout=60)


def retire(cluster: DaskCluster, client: Client) -> None:
    client.retire_workers(list(client.scheduler_info(n_workers=-1)["workers"]))
    cluster.add()


def terminate(cluster: DaskCluster, client: Client) -> None:
    del client
    cluster.workers.pop().terminate()
    cluster.add(nanny=True)


def terminate_without_nanny(cluster: DaskCluster, client: Client) -> None:
    del client
    worker = cluster.workers.pop()
    worker.terminate()
    worker.wait()
    cluster.add()


@pytest.mark.parametrize(
    "depart",
    usual(
        [
            retire,
            terminate_without_nanny,
            *(pytest.param(each, marks=pytest.mark.slow) for each in (restart, terminate)),
        ],
        retire,
    ),
)
def test_departures_are_not_counted_against_files(
    own_cluster: Own,
    server: CountingServer,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    depart: Depart,
) -> None:
    cluster = own_cluster(0)
    cluster.add(nanny=depart in {restart, terminate})
    asked: list[bool] = [True]
    server.holds = lambda: bool(asked)
    archive = configured(server.url, tmp_path / "a", cluster, count=FEW)
    running = pool.submit(archive.run)
    with Client(cluster.address, set_as_default=False) as client:
        for _ in range(3):
            before = len(server.times)
            after(lambda: len(server.times) > before, bool)  # noqa: B023 - called here
            depart(cluster, client)
    asked.clear()
    result = running.result()
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert files(tmp_path / "a") == expected(count=FEW)
    assert_nothing_left(tmp_path / "a")


def set_memory(client: Client, limit: int) -> None:
    """Sets the memory that each worker may use; with too little, Dask pauses it."""

    def set_limit(dask_worker: Any) -> None:
        dask_worker.memory_manager.memory_limit = limit

    client.run(set_limit)


def pause_worker(client: Client) -> None:
    """Lets Dask pause the only worker, and waits until the scheduler knows it."""
    client.wait_for_workers(1)
    set_memory(client, 1 << 20)
    after(lambda: statuses(client) == ["paused"], bool)


def statuses(client: Client) -> list[str]:
    """The workers' statuses as the scheduler knows them."""
    return [each["status"] for each in client.scheduler_info()["workers"].values()]


def test_a_paused_worker_is_used_once_it_continues(
    own_cluster: Own,
    server: CountingServer,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = own_cluster(0)
    cluster.add(memory="1TB")
    archive = configured(server.url, tmp_path / "a", cluster, count=FEW)
    with Client(cluster.address, set_as_default=False) as client:
        pause_worker(client)
        with caplog.at_level(logging.WARNING, "backhaul"):
            running = pool.submit(archive.run)
            after(lambda: "Dask has paused the worker" in caplog.text, bool)
        assert server.times == []
        set_memory(client, 1 << 40)
    assert running.result().exit_code == 0
    assert files(tmp_path / "a") == expected(count=FEW)


@pytest.mark.slow
def test_others_carry_out_the_transfers_of_a_paused_worker(
    own_cluster: Own,
    server: CountingServer,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "_STUCK", 1.0)
    cluster = own_cluster(0)
    cluster.add(memory="1TB")
    asked: list[bool] = [True]
    server.holds = lambda: bool(asked)
    archive = configured(server.url, tmp_path / "a", cluster, count=FEW)
    running = pool.submit(archive.run)
    after(lambda: len(server.times) == FEW, bool)
    with Client(cluster.address, set_as_default=False) as client:
        set_memory(client, 1 << 20)
    cluster.add()
    after(lambda: len(server.times) == 2 * FEW, bool)
    asked.clear()
    result = running.result()
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert files(tmp_path / "a") == expected(count=FEW)
    assert_nothing_left(tmp_path / "a")


@pytest.mark.slow
def test_workers_that_stay_paused_end_the_run_with_6(
    own_cluster: Own, server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE", 5.0)
    cluster = own_cluster(0)
    cluster.add(memory="1TB")
    with Client(cluster.address, set_as_default=False) as client:
        pause_worker(client)
    result = configured(server.url, tmp_path / "a", cluster, count=1).run()
    assert result.exit_code == 6
    (failure,) = result.jobs[0].failures
    assert "Dask has paused 1 worker, which is short of memory" in failure.message

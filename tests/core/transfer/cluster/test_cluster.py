"""Runs whose transfers are carried out by the workers of a Dask cluster."""

import json
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from tests.core.transfer.cluster.conftest import install, python_path
from tests.core.transfer.cluster.fetched import (
    MB,
    After,
    after,
    assert_nothing_left,
    configured,
    expected,
    files,
    rows,
)
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.seaweed import PRIVATE, seaweed, use_keys
from tests.shelf import Shelf, large_archive
from tests.soon import SOON
from tests.threads import assert_no_threads
from tests.usual import usual

import backhaul
from backhaul.transfer.cluster import pool
from backhaul.transfer.part import MARK


def test_two_workers_produce_the_same_bytes_and_the_same_ledger(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    wanted = {"names": ["large.json.gz", "a/b/c.json.gz"], "count": 400}
    here = configured(server.url, tmp_path / "here", None, **wanted).run()
    there = configured(server.url, tmp_path / "there", cluster, **wanted).run()
    assert there.exit_code == here.exit_code == 0
    assert there.jobs[0].files == here.jobs[0].files
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    assert_nothing_left(tmp_path / "there")
    assert_no_threads()


@pytest.mark.timeout(45)
def test_workers_get_more_files_when_they_report_some_rather_than_at_intervals(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_TURN", 30.0)
    assert configured(server.url, tmp_path / "a", cluster, count=1500).run().exit_code == 0


@pytest.mark.matrix
def test_a_worker_that_is_killed_costs_only_time(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    archive = configured(server.url, tmp_path / "a", cluster, names=["large.json.gz"], count=700)
    kill = After(100, lambda: os.kill(cluster.workers[0].pid, signal.SIGKILL))
    result = archive.run(on_event=kill)
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert files(tmp_path / "a") == expected("large.json.gz", count=700)
    assert len(rows(tmp_path / "a")) == 701
    assert_nothing_left(tmp_path / "a")
    assert archive.run(on_event=print).jobs[0].files.fetched == 0


def test_a_stop_ends_at_once_and_the_next_run_continues(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    archive = configured(server.url, tmp_path / "a", cluster, count=1000)
    stopped: list[float] = []

    def stop() -> None:
        stopped.append(time.monotonic())
        archive.stop()

    assert archive.run(on_event=After(100, stop)).exit_code == 130
    assert time.monotonic() - stopped[0] < SOON
    assert_nothing_left(tmp_path / "a")
    assert archive.run().exit_code == 0
    assert files(tmp_path / "a") == expected(count=1000)


@pytest.mark.matrix
def test_a_stop_keeps_the_received_data_of_a_large_file(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    cluster.refill()
    data = large_archive(1, 3 * MARK)
    with Shelf(faults="stall=60:all") as shelf:  # after half of it, when progress has been recorded
        shelf.storage.put("large.json.gz", data)
        links = tmp_path / "links.json"
        links.write_text(json.dumps({"large.json.gz": shelf.storage.link("large.json.gz")}))
        archive = configured("", tmp_path / "a", cluster, links=str(links))
        parts = partial((tmp_path / "a" / ".backhaul").rglob, "*.part.json")
        stopping = threading.Thread(target=after, args=(lambda: any(parts()), archive.stop))
        stopping.start()
        assert archive.run().exit_code == 130
        stopping.join()
        assert not list((tmp_path / "a" / ".backhaul").glob("cluster*"))
        (part,) = (tmp_path / "a" / "job").rglob("*.part")
        assert part.stat().st_size > MB
        (record,) = (tmp_path / "a" / "job").rglob("*.part.json")
        assert record.stat().st_size > 0
        shelf.faults.replace("")
        assert configured("", tmp_path / "a", cluster, links=str(links)).run().exit_code == 0
        (whole,) = (tmp_path / "a" / "job").rglob("*.json.gz")
        assert whole.read_bytes() == data
        assert any("Range" in each.headers for each in shelf.requests)
        assert_nothing_left(tmp_path / "a")


def pids(folder: Path) -> dict[int, str]:
    """Which processes have called ``check_file``, and the token that they have seen."""
    return {int(path.name): path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("allowed", usual([False, True], False))
def test_credentials_go_to_workers_only_if_the_source_says_so(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path, *, allowed: bool
) -> None:
    cluster.refill()
    seen = tmp_path / "seen"
    seen.mkdir()
    source = {"token": "t0ken-of-the-account", "cluster_credentials": allowed}
    archive = configured(
        server.url, tmp_path / "a", cluster, source=source, count=100, checked=str(seen)
    )
    assert archive.run().exit_code == 0
    assert len(server.times) == 100
    if allowed:
        assert set(pids(seen)) <= {each.pid for each in cluster.workers}
        assert set(pids(seen).values()) == {""}  # a check makes no requests
    else:
        assert pids(seen) == {os.getpid(): "t0ken-of-the-account"}


def test_a_paced_source_stays_in_this_process(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    seen = tmp_path / "seen"
    seen.mkdir()
    archive = configured(
        server.url, tmp_path / "a", cluster, source={"paced": 40}, count=60, checked=str(seen)
    )
    assert archive.run().exit_code == 0
    assert set(pids(seen)) == {os.getpid()}
    assert max(server.times) - min(server.times) > 1.3


@pytest.mark.matrix
def test_workers_share_connections_and_rate(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.refill()
    limits = {"connections": 30, "connections_per_host": 6, "limit_rate": "1M"}
    with CountingServer(lambda _: os.urandom(20_000), delay=0.02) as server:
        archive = configured(
            server.url, tmp_path / "a", cluster, settings=limits, source={"plain": True}, count=200
        )
        assert archive.run().exit_code == 0
        span = time.monotonic() - server.times[0]  # the last bytes wait in the kernel
    assert server.most <= 6
    accumulates = 0.25 * MB
    assert (server.sent - accumulates) / span < 1.05 * MB


@pytest.mark.matrix
def test_commands_during_a_run_show_all_workers(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    archive = configured(server.url, tmp_path / "a", cluster, count=600)
    sizes: list[int] = []

    def verified() -> int:
        (job,) = archive.status(offline=True).jobs
        return int(job.here.as_json()["verified"])

    # The ledger's rows are written a little after the event.
    look_once = After(200, lambda: after(lambda: verified() >= 200, bool))

    def note(event: backhaul.Event) -> None:
        look_once(event)
        if isinstance(event, backhaul.Progress):
            sizes.append(event.bytes)

    (job,) = archive.run(on_event=note).jobs
    assert verified() == job.files.verified == 600
    assert sizes == sorted(sizes)
    assert sizes[-1] <= job.bytes_fetched <= server.sent


@pytest.mark.matrix
def test_links_that_have_expired_are_renewed(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    links = tmp_path / "links.json"

    def sign(signature: int) -> None:
        names = [f"many/{number}.json.gz" for number in range(600)]
        text = json.dumps({name: f"{server.url}/{name}?sig={signature}" for name in names})
        links.write_text(text)

    def refuse(path: str) -> str | None:
        if len(server.times) > 200 and path.endswith("sig=1"):
            sign(2)
            return "403 Forbidden"
        return None

    server.refuse = refuse
    sign(1)
    archive = configured(server.url, tmp_path / "a", cluster, links=str(links))
    result = archive.run()
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert len(files(tmp_path / "a")) == 600
    assert len(server.times) < 1000
    assert_nothing_left(tmp_path / "a")


@pytest.mark.matrix
def test_workers_upload_to_a_store_with_their_own_credentials(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.refill()
    use_keys(monkeypatch)
    with seaweed(tmp_path / "weed") as store:
        settings = {
            "dest": f"s3://{PRIVATE}/archive",
            "store": {"endpoint": store.url},
            "workspace": str(tmp_path / "a" / ".backhaul"),
        }
        archive = configured(
            server.url, tmp_path, cluster, settings=settings, names=["large.json.gz"], count=300
        )
        kill = After(50, lambda: os.kill(cluster.workers[0].pid, signal.SIGKILL))
        result = archive.run(on_event=kill)
        assert (result.exit_code, result.jobs[0].failures) == (0, ())
        assert len(rows(tmp_path / "a")) == 301
        assert not archive.verify().jobs[0].problems
        again = archive.run()
        assert (again.exit_code, again.jobs[0].files.fetched) == (0, 0)
        refreshed = archive.run(refresh=True)  # an object is replaced by this machine
        assert (refreshed.exit_code, refreshed.jobs[0].failures) == (0, ())
    assert not list(tmp_path.rglob("*.part"))


def test_workers_with_another_version_of_a_plugin_are_refused_by_name(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    install(other, "2")
    for worker in cluster.workers:
        worker.kill()
        worker.wait()
    stranger = cluster.add(PYTHONPATH=python_path(other))
    try:
        result = configured(server.url, tmp_path / "a", cluster, count=1).run()
    finally:
        stranger.kill()
        stranger.wait()
    assert result.exit_code == 2
    (failure,) = result.jobs[0].failures
    assert "no worker of the cluster can be used: the worker tcp://127.0.0.1:" in failure.message
    assert (
        "has plugin 'cluster-test' (cluster-test-provider 2), but this run uses" in failure.message
    )
    assert server.times == []


def test_without_a_scheduler_the_exit_code_is_6(
    installed: Path, server: CountingServer, tmp_path: Path
) -> None:
    del installed
    archive = configured(server.url, tmp_path / "a", None, count=1)
    began = time.monotonic()
    result = archive.run(cluster="tcp://127.0.0.1:9")
    assert time.monotonic() - began < 10
    assert result.exit_code == 6
    (failure,) = result.jobs[0].failures
    assert "no Dask scheduler responds at tcp://127.0.0.1:9" in failure.message
    assert archive.run().exit_code == 0
    assert archive.run(cluster="tcp://127.0.0.1:9").exit_code == 0  # there is nothing to fetch


@pytest.mark.slow
def test_a_file_that_kills_workers_fails_alone(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    over = threading.Event()

    def refill() -> None:
        while not over.wait(0.2):
            cluster.refill()

    thread = threading.Thread(target=refill)
    thread.start()
    archive = configured(server.url, tmp_path / "a", cluster, count=100, deadly="many/7.json.gz")
    try:
        result = archive.run()
    finally:
        over.set()
        thread.join()
    assert result.exit_code == 3
    (failure,) = result.jobs[0].failures
    assert failure.file == "many/7.json.gz"
    assert result.jobs[0].files.verified == 99

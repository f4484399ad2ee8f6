"""The limits of a run hold for all workers of a cluster together, as a server that counts sees them."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core.transfer.cluster.fetched import After, configured
from tests.core.transfer.processes.counting import CountingServer, rate_of
from tests.dask_cluster import DaskCluster

from backhaul import Event

WITHIN = 1.05
SOME = 150  # requests: three seconds
SAVED = 0.25  # seconds of a rate that was not used


def test_the_pace_of_a_source_holds(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path
) -> None:
    cluster.refill()
    archive = configured(server.url, tmp_path / "a", cluster, source={"paced": 40}, count=120)
    assert archive.run().exit_code == 0
    assert rate_of(server.times, 40) < WITHIN * 40


@pytest.mark.matrix
def test_connections_and_rate_hold_while_workers_come_and_go(
    own_cluster: Callable[[int], DaskCluster], tmp_path: Path
) -> None:
    cluster = own_cluster(2)
    size, rate, connections = 20_000, 1_000_000, 6
    data = os.urandom(size)
    limits = {"connections": 30, "connections_per_host": connections, "limit_rate": rate}
    changes = [
        After(100, cluster.add),
        After(350, cluster.workers[0].terminate),
        After(400, lambda: cluster.workers[1].send_signal(signal.SIGKILL)),
    ]

    def change(event: Event) -> None:
        for each in changes:
            each(event)

    with CountingServer(lambda _: data, delay=0.01) as server:
        archive = configured(
            server.url, tmp_path / "a", cluster, settings=limits, source={"plain": True}, count=500
        )
        result = archive.run(on_event=change)
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert server.most <= connections
    for start in range(0, len(server.times) - SOME, SOME // 6):
        times = server.times[start : start + SOME]
        assert size * rate_of(times, rate / size, saved=SAVED) < WITHIN * rate

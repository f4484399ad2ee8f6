"""A worker, the scheduler or the driver killed at any moment: the same bytes, nothing twice, nothing left."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests import warm
from tests.core.transfer.cluster.conftest import python_path
from tests.core.transfer.cluster.fetched import (
    After,
    after,
    assert_nothing_left,
    configured,
    document,
    expected,
    files,
    rows,
)
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.threads import assert_no_threads
from tests.usual import usual

from backhaul import RunResult
from backhaul.events import Event, FileDone

COUNT = 600
WANTED = {"names": ["large.json.gz"], "count": COUNT}
MANY = [pytest.param(12 * point, marks=pytest.mark.slow) for point in range(50)]
FEW = usual([pytest.param(point, id=f"often-{point}") for point in (300, COUNT + 1)], "often-300")
POINTS = [*FEW, *MANY]


class KillingListener:
    """A listener that counts the files that are done, and kills once so many are."""

    def __init__(self, point: int, kill: Callable[[], object]) -> None:
        self.done: Counter[str] = Counter()
        self._kill = After(point, kill)

    def __call__(self, event: Event) -> None:
        if isinstance(event, FileDone):
            self.done[event.file] += 1
        self._kill(event)


def assert_whole(dest: Path, result: RunResult) -> None:
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert files(dest) == expected("large.json.gz", count=COUNT)
    names = [name for name, *_ in rows(dest)]
    assert len(set(names)) == len(names) == COUNT + 1
    assert_nothing_left(dest)
    assert_no_threads()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_costs_this_run_only_time(
    cluster: DaskCluster, server: CountingServer, tmp_path: Path, point: int
) -> None:
    cluster.refill()
    archive = configured(server.url, tmp_path / "a", cluster, **WANTED)
    listener = KillingListener(point, lambda: os.kill(cluster.workers[0].pid, signal.SIGKILL))
    assert_whole(tmp_path / "a", archive.run(on_event=listener))
    assert len(listener.done) == COUNT + 1
    assert set(listener.done.values()) == {1}


@pytest.mark.parametrize("point", POINTS)
def test_a_scheduler_that_is_killed_ends_the_run_and_the_next_one_continues(
    own_cluster: Callable[[int], DaskCluster],
    server: CountingServer,
    tmp_path: Path,
    point: int,
) -> None:
    mortal = own_cluster(2)
    archive = configured(server.url, tmp_path / "a", mortal, **WANTED)
    listener = KillingListener(point, mortal.scheduler.kill)
    result = archive.run(on_event=listener)
    if result.exit_code:  # else all was done before it was noticed
        assert result.exit_code == 6
        (failure,) = result.jobs[0].failures
        assert "Dask scheduler" in failure.message
    before = {name for name, state, *_ in rows(tmp_path / "a") if state == "verified"}
    assert before >= listener.done.keys()
    again = KillingListener(1 << 62, print)
    last = configured(server.url, tmp_path / "a", None, **WANTED).run(on_event=again)
    assert_whole(tmp_path / "a", last)
    assert again.done.keys().isdisjoint(before)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.matrix
def test_a_run_after_a_killed_driver_completes_the_archive(
    cluster: DaskCluster, server: CountingServer, installed: Path, tmp_path: Path, point: int
) -> None:
    cluster.refill()
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(document(server.url, tmp_path / "a", cluster, **WANTED)))
    driver = warm.Popen(
        [sys.executable, "-m", "backhaul", "run", str(config), "-q"],
        env={**os.environ, "PYTHONPATH": python_path(installed)},
    )
    after(lambda: len(server.times) >= point or driver.poll() is not None, driver.kill)
    driver.wait()
    assert_whole(tmp_path / "a", configured(server.url, tmp_path / "a", cluster, **WANTED).run())

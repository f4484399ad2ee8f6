"""A Dask cluster for all tests of a module, and an installed provider that its workers have too."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests import warm
from tests.core.transfer.cluster.fetched import body
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.seaweed import KEY, SECRET
from tests.soon import SOON
from tests.threads import of_this_test

PLUGIN = Path(__file__).parent / "plugin"
VERSION = "1"


def install(folder: Path, version: str = VERSION) -> None:
    """Makes the plugin's ``dist-info``."""
    info = folder / f"cluster_test_provider-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: cluster-test-provider\nVersion: {version}\n"
    )
    (info / "entry_points.txt").write_text(
        "[backhaul.providers]\ncluster-test = cluster_test_provider\n"
    )


def python_path(folder: Path) -> str:
    """PYTHONPATH of a process that has the plugin."""
    before = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, [str(folder), str(PLUGIN), before]))


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    with of_this_test():
        yield


@pytest.fixture(autouse=True)
def _stops_can_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may need longer than a stop waits to hand over its data, on a busy machine."""
    monkeypatch.setattr("backhaul.transfer.cluster.pool._AT_ONCE", SOON)


@pytest.fixture
def server() -> Iterator[CountingServer]:
    """Serves the files of ``fetched.body``."""
    with CountingServer(body) as started:
        yield started


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for a run."""
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the plugin is installed; in this process too."""
    folder = tmp_path_factory.mktemp("installed")
    install(folder)
    sys.path[:0] = [str(folder), str(PLUGIN)]
    yield folder
    del sys.path[:2]
    sys.modules.pop("cluster_test_provider", None)


@pytest.fixture(scope="module")
def cluster(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler with two workers; lost ones are replaced by ``DaskCluster.refill``."""
    env = {
        "PYTHONPATH": python_path(installed),
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    with DaskCluster(tmp_path_factory.mktemp("dask"), env=env, popen=warm.Popen) as started:
        yield started


@pytest.fixture
def own_cluster(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], DaskCluster]]:
    """Starts a cluster for one test, with so many workers."""
    env = {"PYTHONPATH": python_path(installed)}
    with ExitStack() as until_the_end:

        def start(workers: int) -> DaskCluster:
            folder = tmp_path_factory.mktemp("own")
            made = DaskCluster(folder, workers=workers, env=env, popen=warm.Popen)
            return until_the_end.enter_context(made)

        yield start

"""An unexpected error in any thread or task of a cluster's run ends it, which otherwise would wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from tests.core.transfer.cluster.fetched import configured
from tests.core.transfer.processes.counting import CountingServer
from tests.core.transfer.sabotage import found, raise_it
from tests.usual import usual

DRIVER = [
    "cluster.pool.ClusterPool._turn",
    "cluster.crew.ClusterCrew._compare",
    "cluster.crew.ClusterCrew._refuse",
    "cluster.worker.DaskWorker.exchange",
]
WORKER = [
    "cluster.finishing.Finishing._finish",
    "cluster.session.Session.look",
    "cluster.session.Session.take",
    "verification.Verification._judge_part",
]


@pytest.fixture(scope="module")
def client(installed: Path) -> Iterator[Client]:
    """Of a cluster in this process, in which its workers' methods can be broken."""
    del installed
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as made,
    ):
        yield made


@pytest.mark.parametrize("method", usual([*DRIVER, *WORKER], DRIVER[0], WORKER[0]))
def test_an_unexpected_error_ends_the_run(
    client: Client,
    server: CountingServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    if method.endswith("_refuse"):
        monkeypatch.setattr("backhaul.transfer.cluster.crew.reason", lambda _: "is refused")
    monkeypatch.setattr(*found(method), raise_it)
    archive = configured(server.url, tmp_path / "a", None, names=["large.json.gz"], count=20)
    with pytest.raises((NameError, RuntimeError), match="sabotage"):
        archive.run(cluster=client)

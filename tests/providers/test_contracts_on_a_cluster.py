"""The contract of every provider, with the workers of a Dask cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.dask_cluster import DaskCluster
from tests.providers.datasift_historics import test_contract as datasift_historics
from tests.providers.gnip_hpt import test_contract as gnip_hpt
from tests.providers.http_archives import test_contract as http_archives
from tests.providers.massrelevance_meta import test_contract as massrelevance_meta
from tests.providers.stocktwits_backup import test_contract as stocktwits_backup

from backhaul.testing.emulator import Emulator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with DaskCluster(tmp_path_factory.mktemp("dask"), popen=warm.Popen) as started:
        OnACluster.address = started.address
        yield


class OnACluster:
    """Lets workers make all requests for files, those with credentials too."""

    address = ""

    @staticmethod
    def start(words: list[str], **options: Any) -> Any:
        more = ["--cluster", OnACluster.address] if "run" in words else []
        return warm.run([*words, *more], **options)

    def _yaml(self, emulator: Emulator, dest: Path | None = None) -> str:
        document = json.loads(super()._yaml(emulator, dest))  # type: ignore[misc]  # of the contract
        for source in document["sources"].values():
            source["cluster_credentials"] = True
        return json.dumps(document)


class TestDatasiftHistorics(OnACluster, datasift_historics.TestContract):
    pass


class TestGnipHpt(OnACluster, gnip_hpt.TestContract):
    pass


class TestSeries(OnACluster, http_archives.TestSeries):
    pass


class TestIndex(OnACluster, http_archives.TestIndex):
    pass


class TestBucket(OnACluster, http_archives.TestBucket):
    pass


class TestMassrelevanceMeta(OnACluster, massrelevance_meta.TestContract):
    pass


class TestStocktwitsBackup(OnACluster, stocktwits_backup.TestContract):
    pass

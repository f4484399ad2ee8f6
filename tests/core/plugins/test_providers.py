"""The four providers keep the contract that everyone else's keep."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator


class TestGnipHpt(ProviderContract):
    emulator = GnipHptEmulator
    scale: ClassVar[dict[str, Any]] = {"slots": 12}


class TestStocktwitsBackup(ProviderContract):
    emulator = StocktwitsBackupEmulator
    keys: ClassVar[dict[str, Any]] = {
        "stocktwits-december": {"from": "2016-12-24", "to": "2016-12-28"}
    }


class TestDatasiftHistorics(ProviderContract):
    emulator = DatasiftHistoricsEmulator


class TestMassRelevanceMeta(ProviderContract):
    emulator = MassRelevanceMetaEmulator
    keys: ClassVar[dict[str, Any]] = {"kindle": {"to": "2012-09-28"}}

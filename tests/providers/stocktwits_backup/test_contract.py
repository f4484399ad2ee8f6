"""The contract for this provider. tests/safety/matrix.py tests other faults, and drop and expired in quick mode."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator


class TestContract(ProviderContract):
    emulator = StocktwitsBackupEmulator
    keys: ClassVar[dict[str, Any]] = {
        "stocktwits-december": {"from": "2016-12-24", "to": "2016-12-28"}
    }
    faults = ("503=0:2x",)

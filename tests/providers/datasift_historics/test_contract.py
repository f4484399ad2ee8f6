"""What every provider keeps, of this one. Each fault of a single pull, drop too, is in test_drain.py."""

from backhaul.testing import ProviderContract
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator


class TestContract(ProviderContract):
    emulator = DatasiftHistoricsEmulator
    faults = ("api/503=0:1", "corrupt:1")

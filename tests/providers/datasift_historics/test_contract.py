"""The contract for this provider. test_drain.py tests each fault of a single pull, including drop."""

from backhaul.testing import ProviderContract
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator


class TestContract(ProviderContract):
    emulator = DatasiftHistoricsEmulator
    faults = ("api/503=0:1", "corrupt:1")

"""What every provider keeps, of this one; more faults than most, for a queue cannot be asked twice."""

from backhaul.testing import ProviderContract
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator


class TestContract(ProviderContract):
    emulator = DatasiftHistoricsEmulator
    faults = ("api/503=0:1", "api/429=0:1", "drop:1", "truncated:1", "corrupt:1", "html_200:1")

"""What every provider keeps, of this one. The whole matrix of faults is in tests/safety."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator


class TestContract(ProviderContract):
    emulator = MassRelevanceMetaEmulator
    keys: ClassVar[dict[str, Any]] = {"kindle": {"to": "2012-09-28"}}
    faults = ("503=0:2x", "drop:2x")

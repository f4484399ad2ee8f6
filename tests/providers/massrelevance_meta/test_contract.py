"""The contract for this provider. tests/safety runs the whole fault matrix."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator


class TestContract(ProviderContract):
    emulator = MassRelevanceMetaEmulator
    keys: ClassVar[dict[str, Any]] = {"kindle": {"to": "2012-09-28"}}
    faults = ("503=0:2x", "drop:2x")

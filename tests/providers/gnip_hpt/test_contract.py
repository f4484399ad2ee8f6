"""What every provider keeps, of this one. The whole matrix of faults is in tests/safety."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_gnip_hpt.emulator import GnipHptEmulator


class TestContract(ProviderContract):
    emulator = GnipHptEmulator
    scale: ClassVar[dict[str, Any]] = {"slots": 12}
    faults = ("503=0:2x", "drop:2x", "expired:2x")

"""The contract for this provider. tests/safety/matrix.py tests other faults, and drop and expired in quick mode."""

from typing import Any, ClassVar

from backhaul.testing import ProviderContract
from backhaul_gnip_hpt.emulator import GnipHptEmulator


class TestContract(ProviderContract):
    emulator = GnipHptEmulator
    scale: ClassVar[dict[str, Any]] = {"slots": 12}
    faults = ("503=0:2x",)

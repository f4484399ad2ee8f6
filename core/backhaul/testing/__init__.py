"""Test tools for providers: an emulator of the provider's API, faults, and the contract.

An emulator is a real HTTP server on loopback with synthetic data; see ``Emulator``. Names are loaded on
first use. Emulators need werkzeug: ``pip install 'backhaul[demo]'``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backhaul.testing.contract import ProviderContract
    from backhaul.testing.emulator import Emulator
    from backhaul.testing.faults import Fault, Faults
    from backhaul.testing.objects import Stored
    from backhaul.testing.recorded import Recorded
    from backhaul.testing.storage import Storage

_HOME = {
    "Emulator": "backhaul.testing.emulator",
    "Fault": "backhaul.testing.faults",
    "Faults": "backhaul.testing.faults",
    "ProviderContract": "backhaul.testing.contract",
    "Recorded": "backhaul.testing.recorded",
    "Storage": "backhaul.testing.storage",
    "Stored": "backhaul.testing.objects",
}

__all__ = ["Emulator", "Fault", "Faults", "ProviderContract", "Recorded", "Storage", "Stored"]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'backhaul.testing' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)

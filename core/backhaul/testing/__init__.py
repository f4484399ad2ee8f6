"""Test tools for providers: an emulator of the provider's API, faults, and the contract.

An emulator is a real HTTP server on loopback with synthetic data; see ``Emulator``. Names are loaded on
first use. Emulators need werkzeug: ``pip install 'backhaul[demo]'``.
"""

from typing import TYPE_CHECKING

from backhaul import lazy

if TYPE_CHECKING:
    from backhaul.testing.contract import ProviderContract
    from backhaul.testing.emulator import Emulator
    from backhaul.testing.faults import Fault, Faults
    from backhaul.testing.objects import Stored
    from backhaul.testing.recorded import Recorded
    from backhaul.testing.storage import Storage

_NAMES = {
    "backhaul.testing.contract": ("ProviderContract",),
    "backhaul.testing.emulator": ("Emulator",),
    "backhaul.testing.faults": ("Fault", "Faults"),
    "backhaul.testing.objects": ("Stored",),
    "backhaul.testing.recorded": ("Recorded",),
    "backhaul.testing.storage": ("Storage",),
}

__all__ = ["Emulator", "Fault", "Faults", "ProviderContract", "Recorded", "Storage", "Stored"]

if not TYPE_CHECKING:  # checkers know the names above, and refuse all others
    __getattr__, __dir__ = lazy.names(__name__, _NAMES)

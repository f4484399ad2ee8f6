"""How long a transfer may take to begin or to continue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When a transfer is given up.

    Attributes:
        connect: seconds for the connection, TLS included.
        stall: seconds under ``floor`` bytes a second after which a transfer is dropped and resumed.
        floor: bytes a second.
    """

    connect: int = 20
    stall: int = 30
    floor: int = 64

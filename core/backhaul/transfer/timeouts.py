"""How long a transfer may take to begin or to continue."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from backhaul.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """When a transfer is given up.

    Attributes:
        connect: seconds for the connection, TLS included.
        stall: seconds under ``floor`` bytes a second after which a transfer is dropped and resumed.
        floor: bytes a second.
    """

    connect: int = 20
    stall: int = 30
    floor: int = 64

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """As the YAML's settings have it, in the whole seconds that libcurl takes."""
        return cls(
            connect=_seconds(settings.connect_timeout),
            stall=_seconds(settings.stall_timeout),
            floor=settings.stall_rate,
        )


def _seconds(span: timedelta) -> int:
    return max(1, round(span.total_seconds()))

"""Timeouts of transfers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from backhaul.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """When a transfer is given up.

    Attributes:
        connect: seconds for connecting, including TLS.
        stall: seconds below ``floor`` after which a transfer is dropped and resumed.
        floor: bytes per second.
    """

    connect: int = 20
    stall: int = 30
    floor: int = 64

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """The timeouts from the YAML settings, in whole seconds, as libcurl requires."""
        return cls(
            connect=_seconds(settings.connect_timeout),
            stall=_seconds(settings.stall_timeout),
            floor=settings.stall_rate,
        )


def _seconds(span: timedelta) -> int:
    return max(1, round(span.total_seconds()))

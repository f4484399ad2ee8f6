"""How much a file may decompress to, and how long its lines may be."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backhaul.config.settings import Settings


class ContentLimits:
    """Decompression limits, see Bounded, and the maximum bytes of a line held in memory."""

    __slots__ = ("max_line", "max_ratio", "max_size")

    def __init__(
        self, *, max_ratio: float = 1100.0, max_size: int = 1 << 40, max_line: int = 64 << 20
    ) -> None:
        self.max_ratio = max_ratio
        self.max_size = max_size
        self.max_line = max_line

    @classmethod
    def of(cls, settings: "Settings") -> "ContentLimits":
        """The limits from the YAML settings."""
        return cls(
            max_ratio=float(settings.max_inflate_ratio),
            max_size=settings.max_inflated_size,
            max_line=settings.max_line_size,
        )

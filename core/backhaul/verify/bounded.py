"""Decompression limits and error messages shared by all decoders."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    from backhaul.config.settings import Settings


STEP = 1 << 18  # decompressed bytes per step: bounds memory
_FREE = 64 << 20  # the ratio is not checked below this size: small, repetitive files compress well


class Unpacker(Protocol):
    """Decompresses a file's stored bytes."""

    @property
    def proof(self) -> Proof:
        """What reaching the end proves: CONTAINER, or END if the format has no checksum."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields decompressed data from the next chunk of the file. Raises VerifyFault."""
        ...

    def finish(self) -> None:
        """Ends the file. Raises VerifyFault if the data is incomplete."""


class Bounded:
    """Tracks bytes in and out and enforces the decompression limits.

    Args:
        max_ratio: maximum ratio of decompressed to stored bytes for files that decompress to over 64 MiB.
        max_size: maximum decompressed size in bytes, whatever the ratio.
    """

    __slots__ = ("_max_ratio", "_max_size", "inflated", "stored")

    def __init__(self, *, max_ratio: float, max_size: int) -> None:
        self._max_ratio = max_ratio
        self._max_size = max_size
        self.stored = 0
        self.inflated = 0

    def _grow(self, size: int) -> None:
        self.inflated += size
        if self.inflated > self._max_size:
            raise VerifyFault(
                FailureKind.CORRUPT,
                f"decompresses to more than {self._max_size} bytes (max_inflated_size)",
            )
        if self.inflated > _FREE and self.inflated > self._max_ratio * self.stored:
            raise VerifyFault(
                FailureKind.CORRUPT,
                f"decompresses to more than {self._max_ratio:g} times its size (max_inflate_ratio)",
            )


def ends_early(what: str, stored: int) -> VerifyFault:
    """Reports a file that ends before its data does."""
    if not stored:
        return VerifyFault(FailureKind.TRUNCATED, f"empty file, expected {what} data")
    return VerifyFault(FailureKind.TRUNCATED, f"{what} data is cut short after {stored} bytes")


def trailing_data(what: str) -> VerifyFault:
    """Reports bytes after the end of the data."""
    return VerifyFault(FailureKind.CORRUPT, f"trailing data after the {what} stream")


def wrong_format(what: str, data: bytes) -> VerifyFault:
    """Reports bytes that are not the expected format, naming HTML, XML and JSON."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, found in (
        (b"<?xml", "an XML document"),
        (b"<", "an HTML page"),
        (b"{", "JSON"),
        (b"[", "JSON"),
    ):
        if head.startswith(start):
            return VerifyFault(FailureKind.NOT_DATA, f"{found} instead of {what} data")
    return VerifyFault(FailureKind.NOT_DATA, f"not a valid {what} file")


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

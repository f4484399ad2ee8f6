"""What all that unpack have in common: bounds, and the words for what is not what it should be."""

from collections.abc import Iterator
from typing import Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

STEP = 1 << 18  # unpacked bytes at a time: what bounds the memory
_FREE = 64 << 20  # below this no ratio is looked at: small files of blanks compress well


class Unpacker(Protocol):
    """Turns stored bytes into the text that they pack."""

    @property
    def proof(self) -> Proof:
        """What it proves that the end was reached: CONTAINER, or END where nothing checks the bytes."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the text of the next piece of the file. Raises VerifyFault."""
        ...

    def finish(self) -> None:
        """The file is over. Raises VerifyFault when the data is not."""


class Bounded:
    """Counts what goes in and what comes out.

    Args:
        max_ratio: unpacked to stored bytes above which a file of over 64 MiB is a bomb.
        max_size: unpacked bytes above which it is one, whatever the ratio.
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
                f"inflates to more than {self._max_size} bytes (max_inflated_size)",
            )
        if self.inflated > _FREE and self.inflated > self._max_ratio * self.stored:
            raise VerifyFault(
                FailureKind.CORRUPT,
                f"inflates to more than {self._max_ratio:g} times its size (max_inflate_ratio)",
            )


def ends_early(what: str, stored: int) -> VerifyFault:
    """The file is over, and the data is not."""
    if not stored:
        return VerifyFault(FailureKind.TRUNCATED, f"is empty where {what} should be")
    return VerifyFault(FailureKind.TRUNCATED, f"ends in the middle of {what}, after {stored} bytes")


def goes_on(what: str) -> VerifyFault:
    """The data is over, and the file is not."""
    return VerifyFault(FailureKind.CORRUPT, f"has other bytes after its {what}")


def not_like(what: str, data: bytes) -> VerifyFault:
    """What to call bytes that are not what they should be: a page, XML, JSON or plain damage."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, found in (
        (b"<?xml", "an XML document"),
        (b"<", "a web page"),
        (b"{", "JSON"),
        (b"[", "JSON"),
    ):
        if head.startswith(start):
            return VerifyFault(FailureKind.NOT_DATA, f"is {found} where {what} should be")
    return VerifyFault(FailureKind.NOT_DATA, f"does not begin like {what}")

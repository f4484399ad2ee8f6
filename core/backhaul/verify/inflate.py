"""Reading gzip to its very end, member by member, within bounds."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from backhaul.errors import FailureKind
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    _zlib: Any = zlib
    _member: Any = zlib.decompressobj
    _errors: tuple[type[Exception], ...] = (zlib.error, EOFError)
else:
    try:
        from isal import igzip_lib
        from isal import isal_zlib as _zlib  # several times faster than zlib
    except ImportError:  # no wheel for this machine
        _zlib = zlib
        _member = partial(zlib.decompressobj, wbits=31)
    else:
        # Unlike decompressobj, makes room for max_length at once. Each time that more is made, it has
        # to wait for the GIL, which a thread that parses holds for a millisecond and more.
        _member = partial(igzip_lib.IgzipDecompressor, igzip_lib.DECOMP_GZIP)
    _errors = (_zlib.error, EOFError)  # the same in igzip_lib

_STEP = 1 << 18  # inflated bytes at a time: what bounds the memory
_MAGIC = b"\x1f\x8b"
_FREE = 64 << 20  # below this no ratio is looked at: small files of blanks compress well


class Inflater:
    """Turns gzip bytes into text pieces of at most 1 MiB and proves checksums and ends.

    Args:
        max_ratio: inflated to stored bytes above which a file of over 64 MiB is a bomb.
        max_size: inflated bytes above which it is one, whatever the ratio.
    """

    __slots__ = (
        "_engine", "_fresh", "_max_ratio", "_max_size", "_padded", "inflated", "members", "stored",
    )  # fmt: skip

    def __init__(self, *, max_ratio: float, max_size: int) -> None:
        self._engine = _zlib.decompressobj(wbits=31)
        self._fresh = True
        self._padded = False
        self._max_ratio = max_ratio
        self._max_size = max_size
        self.stored = 0
        self.inflated = 0
        self.members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the text of the next piece of the file. Raises VerifyFault."""
        if not self.stored and data and not (data[:2] == _MAGIC or _MAGIC.startswith(data)):
            raise not_gzip(data)
        self.stored += len(data)
        while data:
            if self._fresh and self.members and self._is_padding(data):
                return
            try:
                text = self._engine.decompress(data, _STEP)
            except _errors as error:
                raise VerifyFault(FailureKind.CORRUPT, f"gzip data is damaged: {error}") from None
            self._fresh = False
            if text:
                self._grow(len(text))
                yield text
            if self._engine.eof:
                data = self._engine.unused_data
                self.members += 1
                self._engine = _zlib.decompressobj(wbits=31)
                self._fresh = True
            else:
                data = self._engine.unconsumed_tail
                if not data and len(text) < _STEP:
                    return

    @property
    def padded(self) -> bool:
        """Whether zeros follow the last member."""
        return self._padded

    def _is_padding(self, data: bytes) -> bool:
        """Whether only zeros follow the last member, as tar and tapes leave them."""
        self._padded = self._padded or data[0] == 0
        if data.strip(b"\0") if self._padded else not _MAGIC.startswith(data[:2]):
            raise VerifyFault(FailureKind.CORRUPT, "has other bytes after its gzip data")
        return self._padded

    def finish(self) -> None:
        """The file is over. Raises VerifyFault when gzip's end was not seen."""
        if self.stored == 0:
            raise VerifyFault(FailureKind.TRUNCATED, "is empty where gzip data should be")
        if not self._fresh:
            raise VerifyFault(
                FailureKind.TRUNCATED, f"ends in the middle of gzip data, after {self.stored} bytes"
            )

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


def inflate_small(data: bytes, limit: int) -> bytes | None:
    """The text of a small file in one go; None when it is not one whole, single, modest member."""
    size = int.from_bytes(data[-4:], "little")  # as the last member's end says, see RFC 1952, 2.3.1
    if size > limit:
        return None
    member = _member()
    try:
        text: bytes = member.decompress(data, size + 1)
    except _errors:
        return None
    return text if member.eof and not member.unused_data and len(text) == size else None


def not_gzip(data: bytes) -> VerifyFault:
    """What to call bytes that should be gzip and are not: a page, XML, JSON or plain damage."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, what in (
        (b"<?xml", "an XML document"),
        (b"<", "a web page"),
        (b"{", "JSON"),
        (b"[", "JSON"),
    ):
        if head.startswith(start):
            return VerifyFault(FailureKind.NOT_DATA, f"is {what} where gzip data should be")
    return VerifyFault(FailureKind.NOT_DATA, "does not begin like gzip data")

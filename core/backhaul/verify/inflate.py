"""Decompresses gzip member by member, to the last byte, within limits."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, goes_on, not_like
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    _zlib: Any = zlib
    _member: Any = zlib.decompressobj
    _errors: tuple[type[Exception], ...] = (zlib.error, EOFError)
else:
    try:
        from isal import igzip_lib
        from isal import isal_zlib as _zlib  # several times faster than zlib
    except ImportError:  # no wheel for this platform
        _zlib = zlib
        _member = partial(zlib.decompressobj, wbits=31)
    else:
        # Unlike decompressobj, it allocates max_length bytes up front. Growing a buffer reacquires the
        # GIL each time, which a parsing thread can hold for a millisecond or more.
        _member = partial(igzip_lib.IgzipDecompressor, igzip_lib.DECOMP_GZIP)
    _errors = (_zlib.error, EOFError)  # the same in igzip_lib

_WHAT = "gzip"
_MAGIC = b"\x1f\x8b"


class Inflater(Bounded):
    """Decompresses gzip in pieces of at most 256 KiB, verifying checksums and member ends."""

    __slots__ = ("_engine", "_fresh", "_padded", "members")

    def __init__(self, *, max_ratio: float, max_size: int) -> None:
        super().__init__(max_ratio=max_ratio, max_size=max_size)
        self._engine = _zlib.decompressobj(wbits=31)
        self._fresh = True
        self._padded = False
        self.members = 0

    @property
    def proof(self) -> Proof:
        """CONTAINER: every member has a CRC."""
        return Proof.CONTAINER

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields decompressed data from the next chunk of the file. Raises VerifyFault."""
        if not self.stored and data and not (data[:2] == _MAGIC or _MAGIC.startswith(data)):
            raise not_like(_WHAT, data)
        self.stored += len(data)
        while data:
            if self._fresh and self.members and self._is_padding(data):
                return
            try:
                text = self._engine.decompress(data, STEP)
            except _errors as error:
                raise VerifyFault(FailureKind.CORRUPT, f"damaged gzip data: {error}") from None
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
                if not data and len(text) < STEP:
                    return

    @property
    def padded(self) -> bool:
        """Whether zero padding follows the last member."""
        return self._padded

    def _is_padding(self, data: bytes) -> bool:
        """Whether only zeros follow the last member, as tar and tapes leave them."""
        self._padded = self._padded or data[0] == 0
        if data.strip(b"\0") if self._padded else not _MAGIC.startswith(data[:2]):
            raise goes_on(_WHAT)
        return self._padded

    def finish(self) -> None:
        """Ends the file. Raises VerifyFault if the last member is incomplete."""
        if self.stored == 0 or not self._fresh:
            raise ends_early(_WHAT, self.stored)


def inflate_small(data: bytes, limit: int) -> bytes | None:
    """Decompresses a small file at once; None unless it is one complete member within ``limit``."""
    size = int.from_bytes(data[-4:], "little")  # ISIZE, RFC 1952, section 2.3.1
    if size > limit:
        return None
    member = _member()
    try:
        text: bytes = member.decompress(data, size + 1)
    except _errors:
        return None
    return text if member.eof and not member.unused_data and len(text) == size else None

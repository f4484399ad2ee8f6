"""Decompresses gzip member by member, to the last byte, within limits."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, trailing_data, wrong_format
from backhaul.verify.fault import VerifyFault


class ZlibMember:
    """A member of a gzip or zip file; gives zlib and isal_zlib the interface of ``frames.Engine``.

    Attributes:
        needs_input: all data so far was decompressed and returned.
    """

    def __init__(self, engine: "zlib._Decompress") -> None:
        self._engine = engine
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompresses more; the rest is kept for the next call. Raises zlib.error."""
        text = self._engine.decompress(self._engine.unconsumed_tail + data, max_length)
        self.needs_input = not self._engine.unconsumed_tail and len(text) < max_length
        return text


def _zlib_member() -> ZlibMember:
    return ZlibMember(zlib.decompressobj(wbits=31))


if TYPE_CHECKING:
    _member: Any = _zlib_member
    _errors: tuple[type[Exception], ...] = (zlib.error, EOFError)
else:
    try:
        from isal import igzip_lib  # several times faster than zlib
    except ImportError:  # no wheel for this platform
        _member = _zlib_member
        _errors = (zlib.error, EOFError)
    else:
        # Unlike isal_zlib, it allocates max_length bytes up front, and keeps unread input instead of copying
        # it for every call. Growing a buffer reacquires the GIL each time, which a parsing thread can hold
        # for a millisecond or more.
        _member = partial(igzip_lib.IgzipDecompressor, igzip_lib.DECOMP_GZIP)
        _errors = (igzip_lib.error, EOFError)

_WHAT = "gzip"
_MAGIC = b"\x1f\x8b"


class Inflater(Bounded):
    """Decompresses gzip in pieces of at most 256 KiB, verifying checksums and member ends."""

    __slots__ = ("_engine", "_fresh", "_padded", "members")

    def __init__(self, *, max_ratio: float, max_size: int) -> None:
        super().__init__(max_ratio=max_ratio, max_size=max_size)
        self._engine = _member()
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
            raise wrong_format(_WHAT, data)
        self.stored += len(data)
        while data:
            if self._fresh and self.members and self._is_padding(data):
                return
            yield from self._pieces(data)
            if not self._engine.eof:
                return
            data = self._engine.unused_data
            self.members += 1
            self._engine = _member()
            self._fresh = True

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Yields what the current member has decompressed, until it ends or needs more data."""
        engine = self._engine
        self._fresh = False
        while True:
            try:
                text = engine.decompress(data, STEP)
            except _errors as error:
                raise VerifyFault(FailureKind.CORRUPT, f"damaged gzip data: {error}") from None
            if text:
                self._grow(len(text))
                yield text
            if engine.eof or engine.needs_input:
                return
            data = b""

    @property
    def padded(self) -> bool:
        """Whether zero padding follows the last member."""
        return self._padded

    def _is_padding(self, data: bytes) -> bool:
        """Whether only zeros follow the last member, as tar and tapes leave them."""
        self._padded = self._padded or data[0] == 0
        if data.strip(b"\0") if self._padded else not _MAGIC.startswith(data[:2]):
            raise trailing_data(_WHAT)
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

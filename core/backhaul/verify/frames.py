"""Decompresses zstd, bzip2 and xz frame by frame, to the last byte, within limits."""

import bz2
import lzma
import sys
from collections.abc import Callable, Generator, Iterator
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, trailing_data, wrong_format
from backhaul.verify.fault import VerifyFault

_SLICE = 1 << 16  # stored bytes per step: what follows a frame is copied
_MEMORY = 256 << 20  # limit for the xz dictionary; zstd gets at most half
_ALIGNED = 4  # padding between xz streams is a multiple of 4 zero bytes (xz format, section 2.2)
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HAS_CHECKSUM = 4  # flag in the byte after the magic number (RFC 8878, section 3.1.1.1.1)


class Engine(Protocol):
    """Decompresses one frame; the interface of bz2, lzma and zstd."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether it needs more input before it can return more output."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Input after the end of the frame."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompresses up to ``max_length`` bytes."""
        ...


@cache
def zstd() -> Any:
    """The standard library's zstd module or its backport, imported on first use."""
    return import_module("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")


class Packing(NamedTuple):
    """A compression format.

    Attributes:
        what: the format's name in messages.
        magics: magic numbers a frame can start with.
        head: number of bytes needed to recognize a frame.
        open: creates an engine for a frame.
        errors: returns the exceptions that an engine raises; called only after one was raised.
        checks: whether a frame, given its head and its finished engine, has a checksum.
        pads: whether zero padding may follow a frame.
    """

    what: str
    magics: tuple[bytes, ...]
    head: int
    open: Callable[[], Engine]
    errors: Callable[[], tuple[type[Exception], ...]]
    checks: Callable[[bytes, Any], bool]
    pads: bool = False


PACKINGS = {
    "zst": Packing(
        "zstd",
        (_ZSTD_MAGIC, *(bytes((0x50 + low, 0x2A, 0x4D, 0x18)) for low in range(16))),
        5,
        lambda: zstd().ZstdDecompressor(),
        lambda: (zstd().ZstdError,),
        lambda head, _: not head.startswith(_ZSTD_MAGIC) or bool(head[4] & _HAS_CHECKSUM),
    ),
    "bz2": Packing(
        "bzip2",
        tuple(b"BZh%d" % level for level in range(1, 10)),
        4,
        bz2.BZ2Decompressor,
        lambda: (OSError, ValueError),
        lambda *_: True,
    ),
    "xz": Packing(
        "xz",
        (b"\xfd7zXZ\x00",),
        6,
        partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, _MEMORY),
        lambda: (lzma.LZMAError,),
        lambda _, engine: engine.check != lzma.CHECK_NONE,
        pads=True,
    ),
}


class Frames(Bounded):
    """Decompresses a file in pieces of at most 256 KiB, verifying checksums and frame ends.

    A file may consist of any number of frames (zstd) or streams (bzip2, xz).
    """

    __slots__ = ("_checked", "_engine", "_frames", "_head", "_packing", "_zeros")

    def __init__(self, packing: str, *, max_ratio: float, max_size: int) -> None:
        super().__init__(max_ratio=max_ratio, max_size=max_size)
        self._packing = PACKINGS[packing]
        self._engine: Engine | None = None
        self._head = b""  # of the next frame, while incomplete
        self._frames = 0  # started
        self._zeros = 0  # after the last frame
        self._checked = True

    @property
    def proof(self) -> Proof:
        """CONTAINER if every frame has a checksum, otherwise END."""
        return Proof.CONTAINER if self._checked else Proof.END

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields decompressed data from the next chunk of the file. Raises VerifyFault."""
        self.stored += len(data)
        for start in range(0, len(data), _SLICE):
            rest = data[start : start + _SLICE]
            while rest:
                if self._engine is None:
                    rest = self._begin(self._head + rest)
                if self._engine is not None:
                    rest = yield from self._unpack(self._engine, rest)

    def finish(self) -> None:
        """Ends the file. Raises VerifyFault if a frame is incomplete."""
        if self._engine is not None or not self._frames or self._head or self._zeros % _ALIGNED:
            raise ends_early(self._packing.what, self.stored)

    def _begin(self, data: bytes) -> bytes:
        """Finds the start of a frame and returns the input left to decompress."""
        packing = self._packing
        if packing.pads and self._frames:
            rest = data.lstrip(b"\0")
            self._zeros += len(data) - len(rest)
            if not rest:
                return b""
            data = rest
        head = self._head = data[: packing.head]
        begins = any(head.startswith(magic[: len(head)]) for magic in packing.magics)
        if not begins or self._zeros % _ALIGNED:
            raise trailing_data(packing.what) if self._frames else wrong_format(packing.what, data)
        if len(head) < packing.head:
            return b""
        self._engine = packing.open()
        self._frames += 1
        self._zeros = 0
        return data

    def _unpack(self, engine: Engine, data: bytes) -> Generator[bytes, None, bytes]:
        """Yields the frame's data and returns what follows it."""
        while True:
            text = self._decompress(engine, data)
            data = b""
            if text:
                self._grow(len(text))
                yield text
            if engine.eof:
                self._checked = self._checked and self._packing.checks(self._head, engine)
                self._engine = None
                self._head = b""
                return engine.unused_data
            if engine.needs_input:
                return b""

    def _decompress(self, engine: Engine, data: bytes) -> bytes:
        packing = self._packing
        try:
            return engine.decompress(data, STEP)
        except packing.errors() as error:
            why = f"damaged {packing.what} data: {str(error).rpartition(': ')[2]}"
            if "memory" in str(error).lower():
                why = f"decompression needs more than {_MEMORY >> 21} MiB of memory: {error}"
            raise VerifyFault(FailureKind.CORRUPT, why) from None

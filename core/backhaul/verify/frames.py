"""zstd, bzip2 and xz, read to the very end, frame by frame, within bounds."""

import bz2
import lzma
import sys
from collections.abc import Callable, Generator, Iterator
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, goes_on, not_like
from backhaul.verify.fault import VerifyFault

_SLICE = 1 << 16  # stored bytes at a time: what follows a frame is copied
_MEMORY = 256 << 20  # that xz may take for its dictionary; zstd takes half of it at most
_ALIGNED = 4  # bytes: zeros between xz streams come in such groups (format, section 2.2)
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HAS_CHECKSUM = 4  # a bit of the byte after it (RFC 8878, section 3.1.1.1.1)


class Engine(Protocol):
    """What unpacks one frame, as bz2, lzma and zstd have it."""

    @property
    def eof(self) -> bool:
        """Whether the frame is over."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What follows the frame."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Gives at most so many bytes."""
        ...


@cache
def zstd() -> Any:
    """The standard library's zstd, or its backport; loaded when it is needed first."""
    return import_module("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")


class Packing(NamedTuple):
    """A format.

    Attributes:
        what: its data, for people.
        magics: how a frame begins.
        head: bytes of a frame's beginning that have to be seen.
        open: makes an engine for a frame.
        errors: what an engine raises; called when it has.
        checks: whether a frame, by its head and by its engine at the end, has a check over its bytes.
        pads: zeros may stand between frames and after the last.
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
        "zstd data",
        (_ZSTD_MAGIC, *(bytes((0x50 + low, 0x2A, 0x4D, 0x18)) for low in range(16))),
        5,
        lambda: zstd().ZstdDecompressor(),
        lambda: (zstd().ZstdError,),
        lambda head, _: not head.startswith(_ZSTD_MAGIC) or bool(head[4] & _HAS_CHECKSUM),
    ),
    "bz2": Packing(
        "bzip2 data",
        tuple(b"BZh%d" % level for level in range(1, 10)),
        4,
        bz2.BZ2Decompressor,
        lambda: (OSError, ValueError),
        lambda *_: True,
    ),
    "xz": Packing(
        "xz data",
        (b"\xfd7zXZ\x00",),
        6,
        partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, _MEMORY),
        lambda: (lzma.LZMAError,),
        lambda _, engine: engine.check != lzma.CHECK_NONE,
        pads=True,
    ),
}


class Frames(Bounded):
    """Turns packed bytes into text pieces of at most 256 KiB; proves checks and ends.

    Any number of frames (zstd) or streams (bzip2, xz) may follow each other.
    """

    __slots__ = ("_checked", "_engine", "_frames", "_head", "_packing", "_zeros")

    def __init__(self, packing: str, *, max_ratio: float, max_size: int) -> None:
        super().__init__(max_ratio=max_ratio, max_size=max_size)
        self._packing = PACKINGS[packing]
        self._engine: Engine | None = None
        self._head = b""  # of the next frame, as long as it is not here whole
        self._frames = 0  # begun
        self._zeros = 0  # after the last frame
        self._checked = True

    @property
    def proof(self) -> Proof:
        """CONTAINER when each frame has a check over its bytes, else END."""
        return Proof.CONTAINER if self._checked else Proof.END

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the text of the next piece of the file. Raises VerifyFault."""
        self.stored += len(data)
        for start in range(0, len(data), _SLICE):
            rest = data[start : start + _SLICE]
            while rest:
                if self._engine is None:
                    rest = self._begin(self._head + rest)
                if self._engine is not None:
                    rest = yield from self._unpack(self._engine, rest)

    def finish(self) -> None:
        """The file is over. Raises VerifyFault when a frame is not."""
        if self._engine is not None or not self._frames or self._head or self._zeros % _ALIGNED:
            raise ends_early(self._packing.what, self.stored)

    def _begin(self, data: bytes) -> bytes:
        """Looks for a frame; gives what is left to unpack."""
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
            raise goes_on(packing.what) if self._frames else not_like(packing.what, data)
        if len(head) < packing.head:
            return b""
        self._engine = packing.open()
        self._frames += 1
        self._zeros = 0
        return data

    def _unpack(self, engine: Engine, data: bytes) -> Generator[bytes, None, bytes]:
        """Yields the frame's text; gives what follows it."""
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
            why = f"{packing.what} is damaged: {str(error).rpartition(': ')[2]}"
            if "memory" in str(error).lower():
                why = f"needs more than {_MEMORY >> 21} MiB of memory to be unpacked: {error}"
            raise VerifyFault(FailureKind.CORRUPT, why) from None

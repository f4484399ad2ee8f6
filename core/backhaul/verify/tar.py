"""Reads tar header by header up to the end-of-archive marker; member data has no checksum."""

import re
import tarfile
from collections.abc import Generator

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import ends_early, trailing_data, wrong_format
from backhaul.verify.buffered import Buffered
from backhaul.verify.fault import VerifyFault

_WHAT = "tar"
_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_SPARSE_MORE = 482, 504  # offsets of the "another block follows" flags: header, extension block
_PAX = 1 << 20  # maximum bytes of a pax header searched for a size
_PAX_SIZE = re.compile(rb"(?:^|\n)\d+ size=(\d{1,19})\n")
# Types other than regular files that are followed by data.
_WITH_DATA = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    }
)  # fmt: skip


class TarReader:
    """Verifies a tar archive received in chunks."""

    __slots__ = ("_input", "_members", "_over", "_steps", "document", "records")

    def __init__(self) -> None:
        self._input = Buffered()
        self._steps = self._read()
        self._members = 0
        self._over = False
        self.records: int | None = None
        self.document: bytes | None = None

    def feed(self, text: bytes) -> None:
        """Adds a chunk. Raises VerifyFault."""
        self._input.add(text)
        next(self._steps)

    def finish(self) -> Proof:
        """Ends the text and returns what it proves. Raises VerifyFault."""
        if not self._over or self._input.position % _BLOCK:
            raise ends_early(_WHAT, self._input.position + self._input.left)
        return Proof.END

    def _read(self) -> Generator[None, None, None]:
        size: int | None = None  # of the next member, if given by a pax header
        while (block := (yield from self._input.take(_BLOCK))) != _ZEROS:
            size = yield from self._member(block, size)
        if (yield from self._input.take(_BLOCK)) != _ZEROS:
            raise VerifyFault(FailureKind.CORRUPT, "damaged tar data: zeros between members")
        self._over = True
        while True:
            if (yield from self._input.some(1 << 18)).strip(b"\0"):
                raise trailing_data(_WHAT)

    def _member(self, block: bytes, declared: int | None) -> Generator[None, None, int | None]:
        """Skips a member and returns the size it declares for the next one, if any."""
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not self._members:
                raise wrong_format(_WHAT, block) from None
            raise self._damaged(str(error)) from None
        self._members += 1
        kind = info.type
        if kind == tarfile.GNUTYPE_SPARSE:
            more = block[_SPARSE_MORE[0]]
            while more:
                more = (yield from self._input.take(_BLOCK))[_SPARSE_MORE[1]]
        holds = info.isreg() or kind in _WITH_DATA or kind not in tarfile.SUPPORTED_TYPES
        if not holds:
            return None
        size = info.size if declared is None or kind in _WITH_DATA else declared
        if size < 0:
            raise self._damaged("negative size")
        tells = kind == tarfile.XHDTYPE and size <= _PAX
        pax = (yield from self._input.take(size)) if tells else b""
        yield from self._input.skip(-len(pax) % _BLOCK if tells else size + -size % _BLOCK)
        found = _PAX_SIZE.search(pax)
        return int(found[1]) if found is not None else declared if kind in _WITH_DATA else None

    def _damaged(self, why: str) -> VerifyFault:
        text = f"damaged tar data: header after member {self._members:,}: {why}"
        return VerifyFault(FailureKind.CORRUPT, text)

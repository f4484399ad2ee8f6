"""Zip, read in one pass from its first byte to its last; the standard library's reader has to seek.

Each member comes with a header, and after the last one a directory says it all again (APPNOTE.TXT,
4.3). A member's CRC and sizes are compared with its data, and the directory with the members.
"""

import zlib
from collections.abc import Callable, Generator, Iterator
from hashlib import blake2b
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, NamedTuple

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, goes_on, not_like
from backhaul.verify.buffered import Buffered
from backhaul.verify.fault import VerifyFault
from backhaul.verify.frames import PACKINGS, Engine

if TYPE_CHECKING:
    _zlib: Any = zlib
else:
    try:
        from isal import isal_zlib as _zlib  # several times faster than zlib
    except ImportError:  # no wheel for this machine
        _zlib = zlib

_WHAT = "zip data"
_SLICE = 1 << 16  # stored bytes at a time: what follows a member's data is given back
_MEMBER = b"PK\3\4"
_DIRECTORY = b"PK\1\2"
_END = b"PK\5\6"
_END64 = b"PK\6\6"
_END64_PLACE = b"PK\6\7"
_SIGNATURE = b"PK\5\5"
_DESCRIPTOR = b"PK\7\x08"
_HEADER = Struct("<5H3L2H")
_ENTRY = Struct("<6H3L5H2L")
_LAST = Struct("<4H2LH")
_ENCRYPTED = 1  # bits of the flags
_DESCRIBED = 8  # sizes and CRC follow the data
_FULL = 0xFFFFFFFF  # the value stands in the extra field
_ZIP64 = 1
_STORED = 0


class _Deflate:
    """zlib's engine with the face that the others have."""

    def __init__(self) -> None:
        self._engine = _zlib.decompressobj(wbits=-15)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._engine.eof)

    @property
    def unused_data(self) -> bytes:
        found: bytes = self._engine.unused_data
        return found

    def decompress(self, data: bytes, max_length: int) -> bytes:
        text: bytes = self._engine.decompress(self._engine.unconsumed_tail + data, max_length)
        self.needs_input = not self._engine.unconsumed_tail and len(text) < max_length
        return text


_METHODS: dict[int, tuple[Callable[[], Engine], Callable[[], tuple[type[Exception], ...]]]] = {
    8: (_Deflate, lambda: (_zlib.error,)),
    12: (PACKINGS["bz2"].open, PACKINGS["bz2"].errors),
    93: (PACKINGS["zst"].open, PACKINGS["zst"].errors),
}


class _Said(NamedTuple):
    """What a member's header says of it."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int


class Unzip(Bounded):
    """Turns zip data into the text of its members, one after the other, and proves CRCs and end.

    Args:
        single: it has to hold one file; what it holds is a text.
    """

    __slots__ = (
        "_checked", "_files", "_input", "_members", "_over", "_single", "_steps", "_sum",
    )  # fmt: skip

    def __init__(self, *, single: bool, max_ratio: float, max_size: int) -> None:
        super().__init__(max_ratio=max_ratio, max_size=max_size)
        self._single = single
        self._input = Buffered()
        self._steps = self._read()
        self._members = 0
        self._files = 0
        self._sum = 0  # of the members, in any order: the directory has to have the same
        self._checked = True
        self._over = False

    @property
    def proof(self) -> Proof:
        """CONTAINER; END when a member's CRC could not be checked (encrypted, or a rare method)."""
        return Proof.CONTAINER if self._checked else Proof.END

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the text of the next piece of the file. Raises VerifyFault."""
        if not self.stored and data and not data.startswith(b"PK"[: len(data)]):
            raise not_like(_WHAT, data)
        self.stored += len(data)
        self._input.add(data)
        for text in self._steps:
            if text is None:
                return
            self._grow(len(text))
            yield text
        if self._input.left:
            raise goes_on(_WHAT)

    def finish(self) -> None:
        """The file is over. Raises VerifyFault when the directory's end was not seen."""
        if not self._over:
            raise ends_early(_WHAT, self.stored)
        if self._single and not self._files:
            raise VerifyFault(FailureKind.NOT_DATA, "is a zip that holds no file")

    def _read(self) -> Generator[bytes | None, None, None]:
        mark = yield from self._input.take(4)
        while mark == _MEMBER:
            yield from self._member()
            mark = yield from self._input.take(4)
        if mark not in {_DIRECTORY, _END, _END64}:
            if not self._members:
                raise not_like(_WHAT, mark)
            raise self._damaged("what follows it is neither another nor the directory")
        yield from self._directory(mark)
        self._over = True

    # -- members --------------------------------------------------------------------------------

    def _member(self) -> Generator[bytes | None, None, None]:
        place = self._input.position - len(_MEMBER)
        self._members += 1
        fixed = yield from self._input.take(_HEADER.size)
        _, flags, method, _, _, crc, packed, size, name_size, extra_size = _HEADER.unpack(fixed)
        name = yield from self._input.take(name_size)
        extra = yield from self._input.take(extra_size)
        size, packed = _large(extra, size, packed)
        self._look_at(flags, method, name)
        said = _Said(flags, method, crc, packed, size)
        if method in _METHODS and not flags & _ENCRYPTED:
            found = yield from self._unpacked(said)
        else:
            found = yield from self._stored(said)
        if flags & _DESCRIBED:
            found = yield from self._described(found)
        elif found != (crc, packed, size):
            raise self._damaged("its CRC or its size is not what its header says")
        self._add(place, method, found, name)

    def _look_at(self, flags: int, method: int, name: bytes) -> None:
        """Whether the member can be read at all."""
        encrypted = bool(flags & _ENCRYPTED)
        known = method in _METHODS or method == _STORED
        if encrypted or not known:
            self._checked = False
        if not self._single or name.endswith(b"/"):
            return
        self._files += 1
        if self._files > 1:
            raise VerifyFault(FailureKind.NOT_DATA, "is a zip of several files where one should be")
        if encrypted or not known:
            why = "is encrypted" if encrypted else f"is packed by method {method}"
            raise VerifyFault(FailureKind.CORRUPT, f"is a zip whose file {why}: it cannot be read")

    def _unpacked(self, said: _Said) -> Generator[bytes | None, None, tuple[int, int, int]]:
        """Yields a member's text; gives its CRC, and its sizes packed and unpacked."""
        make, errors = _METHODS[said.method]
        engine = make()
        begin, crc, size = self._input.position, 0, 0
        data = b""
        while not engine.eof:
            if engine.needs_input:
                data = yield from self._input.some(_SLICE)
            try:
                text = engine.decompress(data, STEP)
            except errors() as error:
                raise self._damaged(str(error)) from None
            data = b""
            crc = _zlib.crc32(text, crc)
            size += len(text)
            if text:
                yield text
        self._input.give_back(len(engine.unused_data))
        return crc, self._input.position - begin, size

    def _stored(self, said: _Said) -> Generator[bytes | None, None, tuple[int, int, int]]:
        """The same for a member that is not packed, or cannot be unpacked: that gives no text."""
        if said.flags & _ENCRYPTED or said.method != _STORED:
            if said.flags & _DESCRIBED and not said.packed:
                raise self._damaged("where it ends shows only when it is unpacked, which cannot be")
            yield from self._input.skip(said.packed)
            crc = said.crc
            if said.flags & _DESCRIBED:
                seen = yield from self._input.peek(8)
                crc = int.from_bytes(seen.removeprefix(_DESCRIPTOR)[:4], "little")
            return crc, said.packed, said.size
        left, crc = said.packed, 0
        while left:
            text = yield from self._input.some(min(left, STEP))
            left -= len(text)
            crc = _zlib.crc32(text, crc)
            yield text
        return crc, said.packed, said.packed

    def _described(
        self, found: tuple[int, int, int]
    ) -> Generator[None, None, tuple[int, int, int]]:
        """Compares what follows the data: CRC and sizes, of four or eight bytes, with a mark or without."""
        crc = pack("<L", found[0])
        wide, narrow = pack("<2Q", *found[1:]), pack("<2L", *(size & _FULL for size in found[1:]))
        forms = [mark + crc + sizes for sizes in (wide, narrow) for mark in (_DESCRIPTOR, b"")]
        seen = yield from self._input.peek(len(forms[0]))  # the directory's end is as long as that
        for form in forms:
            if seen.startswith(form):
                yield from self._input.skip(len(form))
                return found
        raise self._damaged("its CRC or its size is not what follows it")

    # -- the directory --------------------------------------------------------------------------

    def _directory(self, mark: bytes) -> Generator[None, None, None]:
        begin = self._input.position - len(mark)
        told, self._sum, entries = self._sum, 0, 0
        while mark == _DIRECTORY:
            entries += 1
            yield from self._entry()
            mark = yield from self._input.take(4)
        size = self._input.position - len(mark) - begin
        if mark == _SIGNATURE:
            yield from self._input.skip(int.from_bytes((yield from self._input.take(2)), "little"))
            mark = yield from self._input.take(4)
        if mark == _END64:
            yield from self._input.skip(int.from_bytes((yield from self._input.take(8)), "little"))
            mark = yield from self._input.take(4)
            if mark == _END64_PLACE:
                yield from self._input.skip(16)
                mark = yield from self._input.take(4)
        if mark != _END:
            raise self._wrong("is damaged")
        fixed = yield from self._input.take(_LAST.size)
        _, _, _, count, length, place, comment = _LAST.unpack(fixed)
        agrees = (
            (told, self._members) == (self._sum, entries)
            and count in {entries, 0xFFFF}
            and length in {size, _FULL}
            and place in {begin, _FULL}
        )
        if not agrees:
            raise self._wrong("does not agree with its members")
        yield from self._input.skip(comment)

    def _entry(self) -> Generator[None, None, None]:
        fixed = yield from self._input.take(_ENTRY.size)
        values = _ENTRY.unpack(fixed)
        method, (crc, packed, size) = values[3], values[6:9]
        name_size, extra_size, comment_size, place = *values[9:12], values[15]
        name = yield from self._input.take(name_size)
        extra = yield from self._input.take(extra_size)
        yield from self._input.skip(comment_size)
        size, packed, place = _large(extra, size, packed, place)
        self._add(place, method, (crc, packed, size), name)

    def _add(self, place: int, method: int, found: tuple[int, int, int], name: bytes) -> None:
        what = pack("<QHLQQ", place, method, *found) + name
        self._sum += int.from_bytes(blake2b(what, digest_size=16).digest(), "little")
        self._sum &= (1 << 128) - 1

    def _damaged(self, why: str) -> VerifyFault:
        return VerifyFault(
            FailureKind.CORRUPT, f"zip data is damaged: member {self._members:,}: {why}"
        )

    def _wrong(self, why: str) -> VerifyFault:
        return VerifyFault(FailureKind.CORRUPT, f"zip data is damaged: its directory {why}")


def _large(extra: bytes, *values: int) -> tuple[int, ...]:
    """The values, each that does not fit 32 bits from the extra field, where they come in this order."""
    if _FULL not in values:
        return values
    found: Iterator[int] = iter(())
    place = 0
    while place + 4 <= len(extra):
        kind, size = extra[place] | extra[place + 1] << 8, extra[place + 2] | extra[place + 3] << 8
        if kind == _ZIP64:
            field = extra[place + 4 : place + 4 + size]
            found = iter(
                [int.from_bytes(field[at : at + 8], "little") for at in range(0, len(field) - 7, 8)]
            )
        place += 4 + size
    return tuple(next(found, value) if value == _FULL else value for value in values)

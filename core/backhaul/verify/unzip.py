"""Reads zip in one pass without seeking, which the standard library's reader needs.

Each member has a header; the central directory after the last member repeats it (APPNOTE.TXT, 4.3).
Member CRCs and sizes are compared with the data, and the directory with the members.
"""

import zlib
from collections.abc import Callable, Generator, Iterator
from hashlib import blake2b
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, NamedTuple

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import STEP, Bounded, ends_early, trailing_data, wrong_format
from backhaul.verify.buffered import Buffered
from backhaul.verify.fault import VerifyFault
from backhaul.verify.frames import PACKINGS, Engine
from backhaul.verify.inflate import ZlibMember

if TYPE_CHECKING:
    _zlib: Any = zlib
else:
    try:
        from isal import isal_zlib as _zlib  # several times faster than zlib
    except ImportError:  # no wheel for this platform
        _zlib = zlib

_WHAT = "zip"
_SLICE = 1 << 16  # stored bytes per step: bytes after a member's data are returned to the buffer
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
_ENCRYPTED = 1  # general purpose flag bits
_DESCRIBED = 8  # sizes and CRC are in a data descriptor after the data
_FULL = 0xFFFFFFFF  # the actual value is in the zip64 extra field
_ZIP64 = 1
_STORED = 0
_METHODS: dict[int, tuple[Callable[[], Engine], Callable[[], tuple[type[Exception], ...]]]] = {
    8: (lambda: ZlibMember(_zlib.decompressobj(wbits=-15)), lambda: (_zlib.error,)),
    12: (PACKINGS["bz2"].open, PACKINGS["bz2"].errors),
    93: (PACKINGS["zst"].open, PACKINGS["zst"].errors),
}


class _MemberHeader(NamedTuple):
    """What a member's header declares."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int


class Unzip(Bounded):
    """Yields the decompressed data of all members in order, verifying CRCs and the directory.

    Args:
        single: the archive must contain exactly one file, which is text.
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
        self._sum = 0  # order-independent sum over the members, compared with the directory's
        self._checked = True
        self._over = False

    @property
    def proof(self) -> Proof:
        """CONTAINER, or END if a member's CRC could not be checked (encrypted or unsupported method)."""
        return Proof.CONTAINER if self._checked else Proof.END

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields decompressed data from the next chunk of the file. Raises VerifyFault."""
        if not self.stored and data and not data.startswith(b"PK"[: len(data)]):
            raise wrong_format(_WHAT, data)
        self.stored += len(data)
        self._input.add(data)
        for text in self._steps:
            if text is None:
                return
            self._grow(len(text))
            yield text
        if self._input.left:
            raise trailing_data(_WHAT)

    def finish(self) -> None:
        """Ends the file. Raises VerifyFault if the central directory is incomplete."""
        if not self._over:
            raise ends_early(_WHAT, self.stored)
        if self._single and not self._files:
            raise VerifyFault(FailureKind.NOT_DATA, "zip archive contains no file")

    def _read(self) -> Generator[bytes | None, None, None]:
        mark = yield from self._input.take(4)
        while mark == _MEMBER:
            yield from self._member()
            mark = yield from self._input.take(4)
        if mark not in {_DIRECTORY, _END, _END64}:
            if not self._members:
                raise wrong_format(_WHAT, mark)
            raise self._damaged("followed by neither a member nor the central directory")
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
        header = _MemberHeader(flags, method, crc, packed, size)
        if method in _METHODS and not flags & _ENCRYPTED:
            found = yield from self._unpacked(header)
        else:
            found = yield from self._stored(header)
        if flags & _DESCRIBED:
            found = yield from self._described(found)
        elif found != (crc, packed, size):
            raise self._damaged("CRC or size does not match the local header")
        self._add(place, method, found, name)

    def _look_at(self, flags: int, method: int, name: bytes) -> None:
        """Checks that the member is readable."""
        encrypted = bool(flags & _ENCRYPTED)
        known = method in _METHODS or method == _STORED
        if encrypted or not known:
            self._checked = False
        if not self._single or name.endswith(b"/"):
            return
        self._files += 1
        if self._files > 1:
            raise VerifyFault(
                FailureKind.NOT_DATA, "zip archive contains several files, expected one"
            )
        if encrypted or not known:
            why = "encrypted" if encrypted else f"compressed with unsupported method {method}"
            raise VerifyFault(FailureKind.CORRUPT, f"the file in the zip archive is {why}")

    def _unpacked(
        self, header: _MemberHeader
    ) -> Generator[bytes | None, None, tuple[int, int, int]]:
        """Yields a member's data; returns its CRC, compressed size and size."""
        make, errors = _METHODS[header.method]
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

    def _stored(self, header: _MemberHeader) -> Generator[bytes | None, None, tuple[int, int, int]]:
        """The same for a stored member; one that cannot be decompressed is skipped."""
        if header.flags & _ENCRYPTED or header.method != _STORED:
            if header.flags & _DESCRIBED and not header.packed:
                raise self._damaged(
                    "size unknown: it cannot be decompressed, and the header has none"
                )
            yield from self._input.skip(header.packed)
            crc = header.crc
            if header.flags & _DESCRIBED:
                seen = yield from self._input.peek(8)
                crc = int.from_bytes(seen.removeprefix(_DESCRIPTOR)[:4], "little")
            return crc, header.packed, header.size
        left, crc = header.packed, 0
        while left:
            text = yield from self._input.some(min(left, STEP))
            left -= len(text)
            crc = _zlib.crc32(text, crc)
            yield text
        return crc, header.packed, header.packed

    def _described(
        self, found: tuple[int, int, int]
    ) -> Generator[None, None, tuple[int, int, int]]:
        """Compares the data descriptor: 32- or 64-bit sizes, with or without a signature."""
        crc = pack("<L", found[0])
        wide, narrow = pack("<2Q", *found[1:]), pack("<2L", *(size & _FULL for size in found[1:]))
        forms = [mark + crc + sizes for sizes in (wide, narrow) for mark in (_DESCRIPTOR, b"")]
        seen = yield from self._input.peek(len(forms[0]))  # the end record is at least this long
        for form in forms:
            if seen.startswith(form):
                yield from self._input.skip(len(form))
                return found
        raise self._damaged("CRC or size does not match the data descriptor")

    # -- the central directory ------------------------------------------------------------------

    def _directory(self, mark: bytes) -> Generator[None, None, None]:
        begin = self._input.position - len(mark)
        central, self._sum, entries = self._sum, 0, 0
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
            (central, self._members) == (self._sum, entries)
            and count in {entries, 0xFFFF}
            and length in {size, _FULL}
            and place in {begin, _FULL}
        )
        if not agrees:
            raise self._wrong("does not match the members")
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
            FailureKind.CORRUPT, f"damaged zip data: member {self._members:,}: {why}"
        )

    def _wrong(self, why: str) -> VerifyFault:
        return VerifyFault(FailureKind.CORRUPT, f"damaged zip data: the central directory {why}")


def _large(extra: bytes, *values: int) -> tuple[int, ...]:
    """Replaces 0xFFFFFFFF values with those from the zip64 extra field, in order."""
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

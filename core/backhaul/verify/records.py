"""Counts and validates JSON Lines records in text that arrives in chunks.

msgspec validates a line's syntax at over 1 GB/s without building objects. Lines that it rejects go to
``json``, which is slower but accepts more: lone surrogate escapes, arrays, scalars. A line too deep for
both, or too long to hold in memory, goes through ``walk``. A line that all of them reject is bad.
"""

import json
from io import BytesIO
from itertools import filterfalse

import msgspec

from backhaul.verify.walk import Shape, Walk

_KEEP = 1 << 20  # bytes kept of the last line
_TAIL = 256  # bytes at the end that are searched for blanks without copying the text
_LONG = 8 << 20  # maximum bytes of a line held in memory
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


class _Object(msgspec.Struct, gc=False):
    """An object whose fields are all ignored."""


_decode = msgspec.json.Decoder(_Object).decode
# Numbers stay strings: no conversion cost and no limit on digits.
_judge = json.JSONDecoder(parse_int=str, parse_float=str).decode
_is_blank = bytes.isspace
_REFUSED = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def scan_records(text: bytes) -> tuple[int, bytes] | None:
    """The number of non-blank lines and the last one, stripped.

    None if a line is not an object that msgspec accepts; use RecordCounter then. Parsing line by line is
    as fast as ``decode_lines`` for lines of 400 bytes or more, and unlike it rejects two objects on one
    line and one object on two. BytesIO finds line ends with memchr.
    """
    try:
        count = _parse(text)
    except _REFUSED:
        return None
    return count, _last_line(text) if count else b""


def _parse(text: bytes) -> int:
    """Counts non-blank lines. Raises one of _REFUSED if any is not an object in UTF-8."""
    count = len(list(map(_decode, filterfalse(_is_blank, BytesIO(text)))))
    if not text.isascii():
        text.decode()  # msgspec does not validate UTF-8 in strings it skips
    return count


def _last_line(text: bytes) -> bytes:
    tail = text[-_TAIL:]
    kept = tail.rstrip()
    if not kept:
        kept = tail = text = text.rstrip()
    end = len(text) - len(tail) + len(kept)
    return text[text.rfind(b"\n", 0, end) + 1 : end].strip()[:_KEEP].rstrip()


class RecordCounter:
    """Counts and validates non-blank lines and keeps the last one.

    Lines end in LF. A CR before it and a leading byte order mark are ignored.

    Attributes:
        count: number of non-blank lines.
        last: the last of them, stripped and cut to 1 MiB.
        bad: how many of them are not JSON.
        first_bad: line number (from 1, counting blank lines) and byte offset of the first bad one.
        nested: at least one line was an object or array.
        cut: the text ends inside an object or array.
    """

    __slots__ = (
        "_begin", "_head", "_lines", "_place", "_tail", "_tail_size", "_walk", "bad", "count", "cut", "first_bad", "last", "nested",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        self.last = b""
        self.bad = 0
        self.first_bad: tuple[int, int] | None = None
        self.nested = False
        self.cut = False
        self._head: bytes | None = b""  # a possible byte order mark; None once decided
        self._lines = 0  # complete lines; counted until the first bad one
        self._place = 0  # bytes received
        self._begin = 0  # offset of the incomplete line
        self._tail: list[bytes] = []  # pieces of the incomplete line, without leading blanks
        self._tail_size = 0
        self._walk: Walk | None = None  # for an incomplete line too long to hold

    def feed(self, data: bytes) -> None:
        """Adds a chunk."""
        if self._head is not None:
            data = self._headless(data)
        start = 0
        if self._begin < self._place:
            start = data.find(b"\n") + 1
            if not start:
                self._hold(data)
                return
            self._hold(data[: start - 1])
            self._place += 1
            self._end_line()
        end = data.rfind(b"\n", start) + 1
        if end:
            self._look(data[start:end] if start or end < len(data) else data)
        if end < len(data):
            self._hold(data[end or start :])

    def finish(self) -> None:
        """Ends the text; a last line without a line end counts."""
        if self._head:
            self._hold(self._head)
        self._end_line(last=True)

    def _headless(self, data: bytes) -> bytes:
        """Strips a leading byte order mark once enough bytes have arrived to decide."""
        data = (self._head or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._head = data
            return b""
        self._head = None
        if not data.startswith(_BOM):
            return data
        self._place = self._begin = len(_BOM)
        return data[len(_BOM) :]

    def _look(self, text: bytes) -> None:
        """Processes complete lines."""
        found = scan_records(text)
        if found is None:
            self._scan_lines(text)
            return
        count, last = found
        if count:
            self.count += count
            self.last = last
            self.nested = True
        if not self.bad:
            self._lines += len(list(map(_is_blank, BytesIO(text))))
        self._place += len(text)
        self._begin = self._place

    def _scan_lines(self, text: bytes) -> None:
        for line in BytesIO(text):
            if not _is_blank(line):
                self.last = line
                self._judged(*_shape_of(line))
            self._lines += 1
            self._place += len(line)
            self._begin = self._place
        self.last = self.last.strip()[:_KEEP].rstrip()

    def _judged(self, shape: Shape, nests: bool) -> None:  # noqa: FBT001 - unpacks _shape_of's result
        self.count += 1
        if shape is Shape.WHOLE:
            self.nested = self.nested or nests
            return
        self.bad += 1
        if self.first_bad is None:
            self.first_bad = (self._lines + 1, self._begin)

    def _hold(self, piece: bytes) -> None:
        self._place += len(piece)
        if not self._tail_size:
            piece = piece.lstrip(_BLANK)  # leading blanks do not start a line
        self._tail_size += len(piece)
        if self._walk is not None:
            self._walk.feed(piece)
            return
        if piece:
            self._tail.append(piece)
        if self._tail_size > _LONG:
            held = b"".join(self._tail)
            self._walk = Walk(held)
            self._tail = [held[:_KEEP]]

    def _end_line(self, *, last: bool = False) -> None:
        line = b"".join(self._tail)
        if line and not _is_blank(line):
            self.last = line.strip()[:_KEEP].rstrip()
            shape, nests = _shape_of(line) if self._walk is None else _walked(self._walk)
            if last and shape is Shape.BAD and self._walk is None:
                shape, nests = _walked(Walk(line))
            self.cut = last and nests and shape is Shape.CUT
            self._judged(shape, nests)
        self._tail.clear()
        self._tail_size = 0
        self._walk = None
        self._lines += 1
        self._begin = self._place


def _shape_of(line: bytes) -> tuple[Shape, bool]:
    """Classifies a line; the flag is true for an object or array."""
    try:
        _parse(line)
    except _REFUSED:
        pass
    else:
        return Shape.WHOLE, True
    try:
        # As json.loads, but without guessing UTF-16: NUL bytes are damage.
        value = _judge(line.decode("utf-8", "surrogatepass"))
    except RecursionError:
        return _walked(Walk(line))
    except ValueError:
        return Shape.BAD, False
    return Shape.WHOLE, isinstance(value, dict | list)


def _walked(walk: Walk) -> tuple[Shape, bool]:
    return walk.finish(), walk.nests

"""Records of JSON Lines, each one parsed, of a text that comes in pieces.

msgspec checks a line's syntax at over 1 GB/s, and makes nothing of it. What it refuses is judged by
``json``, which is slower and takes more: lone surrogate escapes, arrays, scalars. A line that is too
deep for both, or too long to be held, is walked through (see ``walk``). What all refuse is a bad record.
"""

import json
from io import BytesIO
from itertools import filterfalse

import msgspec

from backhaul.verify.walk import Shape, Walk

_KEEP = 1 << 20  # of the last line
_LONG = 8 << 20  # bytes of a line that are held
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


class _Object(msgspec.Struct, gc=False):
    """An object of which nothing is kept."""


_decode = msgspec.json.Decoder(_Object).decode
# Numbers are not needed as numbers: as texts they cost no time and no limit of digits.
_judge = json.JSONDecoder(parse_int=str, parse_float=str).decode
_is_blank = bytes.isspace
_REFUSED = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def scan_records(text: bytes) -> tuple[int, bytes] | None:
    """How many of a text's lines are not blank, and the last of those, stripped.

    None when a closer look is needed: not every line is an object as msgspec reads it.

    Line by line: with lines of 400 bytes and more that takes as long as ``decode_lines``, which does not
    see whether two objects share a line or one object has two. Through BytesIO since that looks for the
    LF with memchr.
    """
    try:
        count = _parse(text)
    except _REFUSED:
        return None
    return count, _last_line(text) if count else b""


def _parse(text: bytes) -> int:
    """How many lines are not blank. Raises one of _REFUSED when not all are objects in UTF-8."""
    count = len(list(map(_decode, filterfalse(_is_blank, BytesIO(text)))))
    if not text.isascii():
        text.decode()  # msgspec skips strings without looking at their encoding
    return count


def _last_line(text: bytes) -> bytes:
    text = text.rstrip()
    return text[text.rfind(b"\n") + 1 :].strip()[:_KEEP].rstrip()


class RecordCounter:
    """Counts non-blank lines, keeps the last one, and parses each.

    Lines end in LF; a CR before it is no text, and a byte order mark before the first line neither.

    Attributes:
        count: lines that are not blank.
        last: the last of them, stripped, at most 1 MiB of it.
        bad: how many of them are not JSON.
        first_bad: line (from 1, blank ones too) and byte (from 0) where the first bad one begins.
        nested: a line was an object or an array.
        cut: the text ends in the middle of an object or array.
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
        self._head: bytes | None = b""  # what may be a byte order mark; None: that is settled
        self._lines = 0  # that have ended; counted until a bad one is found
        self._place = 0  # bytes that have come
        self._begin = 0  # where the unfinished line begins
        self._tail: list[bytes] = []  # the unfinished line's pieces, without blanks before it
        self._tail_size = 0
        self._walk: Walk | None = None  # of an unfinished line that is too long to be held

    def feed(self, data: bytes) -> None:
        """Takes the next piece."""
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
        """The text is over; a line without an end counts too."""
        if self._head:
            self._hold(self._head)
        self._end_line(last=True)

    def _headless(self, data: bytes) -> bytes:
        """The text's beginning without a byte order mark, once it can be told whether there is one."""
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
        """Takes lines that have ended."""
        found = scan_records(text)
        if found is None:
            self._look_closely(text)
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

    def _look_closely(self, text: bytes) -> None:
        for line in BytesIO(text):
            if not _is_blank(line):
                self.last = line
                self._judged(*_shape_of(line))
            self._lines += 1
            self._place += len(line)
            self._begin = self._place
        self.last = self.last.strip()[:_KEEP].rstrip()

    def _judged(self, shape: Shape, nests: bool) -> None:  # noqa: FBT001 - as _shape_of gives it
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
            piece = piece.lstrip(_BLANK)  # a line that is blank so far might as well not have begun
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
    """What a line is, and whether it is an object or an array."""
    try:
        _parse(line)
    except _REFUSED:
        pass
    else:
        return Shape.WHOLE, True
    try:
        # As json.loads does, but without its guess at UTF-16: NULs are damage.
        value = _judge(line.decode("utf-8", "surrogatepass"))
    except RecursionError:
        return _walked(Walk(line))
    except ValueError:
        return Shape.BAD, False
    return Shape.WHOLE, isinstance(value, dict | list)


def _walked(walk: Walk) -> tuple[Shape, bool]:
    return walk.finish(), walk.nests


def is_record(line: bytes) -> bool:
    """Whether a line is JSON."""
    return _shape_of(line)[0] is Shape.WHOLE

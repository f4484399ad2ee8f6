"""Validates a JSON value in chunks: too long to hold, too deep for a parser, or cut off."""

import codecs
import re
from enum import Enum, auto

# The group must not be possessive: before 3.11.5, Python then accepts half of an escape.
_STRING = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*')
_ESCAPE_BEGUN = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")
_TOKEN = re.compile(rb'[ \t\r\n]*+(?:([{}\[\]:,"])|([-+.0-9A-Za-z]++))')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_NUMBER_BEGUN = re.compile(rb"-|-?(?:0|[1-9][0-9]*+)(?:\.|(?:\.[0-9]++)?[eE][+-]?)")
_LITERALS = (b"true", b"false", b"null", b"NaN", b"Infinity", b"-Infinity")
_LONGEST = 1 << 20  # maximum bytes of a number
_DEEPEST = 1 << 20  # maximum nesting depth
_VALUE = b'{["0'  # tokens that can start a value; 0 stands for numbers and literals


class Shape(Enum):
    """Whether a text is one JSON value, the start of one, or neither."""

    WHOLE = auto()
    CUT = auto()
    BAD = auto()


class Walk:
    """Validates one JSON value in chunks, keeping only the stack of open brackets.

    Accepts what ``json.loads`` accepts, at any practical depth. About twenty times slower than a parser:
    for the few lines that no parser accepts.

    Args:
        begin: the first chunk.

    Attributes:
        nests: the value is an object or an array.
    """

    __slots__ = ("_bad", "_held", "_in_key", "_in_string", "_open", "_utf8", "_wanted", "nests")

    def __init__(self, begin: bytes = b"") -> None:
        self._open = bytearray()
        self._wanted = _VALUE  # tokens allowed next; empty once the value has ended
        self._held = b""  # a number, literal or escape that may continue in the next chunk
        self._in_string = False
        self._in_key = False
        self._bad = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        self.nests = False
        self.feed(begin)

    def feed(self, data: bytes) -> None:
        """Adds a chunk."""
        if self._bad:
            return
        try:
            self._utf8.decode(data)
        except UnicodeDecodeError:
            self._bad = True
            return
        text, self._held = self._held + data, b""
        place = 0
        while place < len(text) and not self._bad:
            place = self._string(text, place) if self._in_string else self._token(text, place)

    def finish(self) -> Shape:
        """Ends the text and classifies it."""
        if self._bad:
            return Shape.BAD
        if self._in_string:
            return Shape.CUT
        if self._held:
            if b"0" in self._wanted and _is_begun(self._held):
                return Shape.CUT
            self.feed(b"\n")
            if self._bad:
                return Shape.BAD
        return Shape.CUT if self._wanted else Shape.WHOLE

    def _string(self, text: bytes, place: int) -> int:
        found = _STRING.match(text, place)
        place = found.end() if found is not None else place
        if place == len(text):
            return place
        if text[place : place + 1] == b'"':
            self._in_string = False
            if self._in_key:
                self._wanted = b":"
            else:
                self._value_over()
            return place + 1
        if _ESCAPE_BEGUN.fullmatch(text, place):
            self._held = text[place:]
            return len(text)
        self._bad = True
        return place

    def _token(self, text: bytes, place: int) -> int:
        found = _TOKEN.match(text, place)
        if found is None:
            self._bad = bool(text[place:].strip(b" \t\r\n"))
            return len(text)
        word = found[2]
        if word is not None and found.end() == len(text):
            self._held = word
            self._bad = len(word) > _LONGEST
            return len(text)
        kind = found[1] or b"0"
        if kind not in self._wanted or (word is not None and not _is_scalar(word)):
            self._bad = True
        else:
            self._take(kind)
        return found.end()

    def _take(self, kind: bytes) -> None:
        if kind in b"{[":
            self.nests = True
            self._open += kind
            self._bad = len(self._open) > _DEEPEST
            self._wanted = b'"}' if kind == b"{" else _VALUE + b"]"
        elif kind == b'"':
            self._in_string = True
            self._in_key = self._wanted in {b'"', b'"}'}
        elif kind == b":":
            self._wanted = _VALUE
        elif kind == b",":
            self._wanted = b'"' if self._open.endswith(b"{") else _VALUE
        else:
            if kind in b"}]":
                self._open.pop()
            self._value_over()

    def _value_over(self) -> None:
        if not self._open:
            self._wanted = b""
        else:
            self._wanted = b",}" if self._open.endswith(b"{") else b",]"


def _is_scalar(word: bytes) -> bool:
    return word in _LITERALS or _NUMBER.fullmatch(word) is not None


def _is_begun(word: bytes) -> bool:
    """Whether the text is an incomplete number or literal."""
    if _NUMBER_BEGUN.fullmatch(word):
        return True
    return any(len(word) < len(whole) and whole.startswith(word) for whole in _LITERALS)

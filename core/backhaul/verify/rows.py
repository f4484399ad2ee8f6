"""Rows of CSV: lines outside quotes that are not blank, of a text that comes in pieces."""

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

_BLANK = b"\xef\xbb\xbf \t\r\n"
_PAGES = (b"<!doctype", b"<html", b"<?xml")


class Rows:
    """Counts rows, a header among them.

    Quotes pair as in RFC 4180. Where they do not, how many rows there are is not known: some write
    CSV without quoting.

    Args:
        footer_lines: rows at the end that are none.

    Attributes:
        records: rows; None while it is not known, or when it cannot be.
    """

    __slots__ = ("_begun", "_count", "_footer", "_head", "_quoted", "document", "records")

    def __init__(self, footer_lines: int) -> None:
        self._footer = footer_lines
        self._head: bytes | None = b""  # as long as nothing has come but space
        self._count = 0
        self._begun = False  # something of the present row has come
        self._quoted = False
        self.records: int | None = None
        self.document: bytes | None = None

    def feed(self, text: bytes) -> None:
        """Takes the next piece. Raises VerifyFault for a web page."""
        if self._head is not None:
            self._look_at(text)
        if b'"' in text or self._quoted:
            text = self._unquoted(text)
        *lines, rest = text.split(b"\n")
        if lines:
            blank = lines.count(b"") + sum(map(bytes.isspace, lines))
            begun = self._begun and (not lines[0] or lines[0].isspace())
            self._count += len(lines) - blank + begun
            self._begun = False
        self._begun = self._begun or bool(rest.strip())

    def finish(self) -> Proof:
        """The text is over: says what it shows, which is never its end."""
        count = self._count + self._begun
        if self._quoted:
            return Proof.NONE
        self.records = max(0, count - self._footer)
        return Proof.RECORDS if count else Proof.NONE

    def _look_at(self, text: bytes) -> None:
        head = ((self._head or b"") + text[:4096]).lstrip(_BLANK)[: len(_PAGES[0])]
        if head.lower().startswith(_PAGES):
            raise VerifyFault(FailureKind.NOT_DATA, "is a web page or XML where CSV should be")
        self._head = head if len(head) < len(_PAGES[0]) else None

    def _unquoted(self, text: bytes) -> bytes:
        """The text with a quote for each text in quotes."""
        parts = text.split(b'"')
        begun, self._quoted = self._quoted, self._quoted ^ (len(parts) % 2 == 0)
        outside = b'"'.join(parts[1::2] if begun else parts[::2])
        return b'"' * begun + outside + b'"' * self._quoted

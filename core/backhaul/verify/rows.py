"""Counts CSV records: non-blank lines outside quotes, but for the header, in text that arrives in chunks."""

from backhaul.errors import FailureKind
from backhaul.foreign import BLANK
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

_PAGES = (b"<!doctype", b"<html", b"<?xml")


class Rows:
    """Counts the rows below the header.

    Quotes pair as in RFC 4180. If they do not pair, the number of rows is unknown, as some programs
    write CSV without quoting.

    Args:
        footer_lines: number of trailing rows not to count.

    Attributes:
        records: number of rows; None if unknown.
    """

    __slots__ = ("_begun", "_count", "_footer", "_head", "_quoted", "document", "records")

    def __init__(self, footer_lines: int) -> None:
        self._footer = footer_lines
        self._head: bytes | None = b""  # until the first non-space byte
        self._count = 0
        self._begun = False  # the current row has content
        self._quoted = False
        self.records: int | None = None
        self.document: bytes | None = None

    def feed(self, text: bytes) -> None:
        """Adds a chunk. Raises VerifyFault for a web page."""
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
        """Ends the text. CSV never proves its end."""
        count = self._count + self._begun
        if self._quoted:
            return Proof.NONE
        self.records = max(0, count - 1 - self._footer)
        return Proof.RECORDS if count else Proof.NONE

    def _look_at(self, text: bytes) -> None:
        head = ((self._head or b"") + text[:4096]).lstrip(BLANK)[: len(_PAGES[0])]
        if head.lower().startswith(_PAGES):
            raise VerifyFault(FailureKind.NOT_DATA, "an HTML page or XML instead of CSV")
        self._head = head if len(head) < len(_PAGES[0]) else None

    def _unquoted(self, text: bytes) -> bytes:
        """Replaces each quoted section with a single quote character."""
        parts = text.split(b'"')
        begun, self._quoted = self._quoted, self._quoted ^ (len(parts) % 2 == 0)
        outside = b'"'.join(parts[1::2] if begun else parts[::2])
        return b'"' * begun + outside + b'"' * self._quoted

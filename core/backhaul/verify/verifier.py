"""One pass over a file's stored bytes: hash, gzip to the end, each record, documents."""

import hashlib
import json

from backhaul.errors import FailureKind
from backhaul.types import Content, Proof
from backhaul.verify.digest import check_sum, second_digest
from backhaul.verify.fault import VerifyFault
from backhaul.verify.inflate import Inflater, inflate_small
from backhaul.verify.records import RecordCounter, scan_records

LINES = frozenset({"jsonl.gz", "jsonl"})
GZIP = frozenset({"jsonl.gz", "gz"})
DOCUMENTS = frozenset({"json", "xml"})
PROVABLE = GZIP | DOCUMENTS  # reading them to the end shows that they are whole
KINDS = LINES | GZIP | DOCUMENTS | {"bytes"}
MAX_DOCUMENT = 100 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n"
_SMALL = 1 << 19  # bytes as stored
_INFLATED = 8 << 20


class Limits:
    """How far a gzip file may inflate, see Inflater; and the bytes of a line that is held whole."""

    __slots__ = ("max_line", "max_ratio", "max_size")

    def __init__(
        self, *, max_ratio: float = 1100.0, max_size: int = 1 << 40, max_line: int = 64 << 20
    ) -> None:
        self.max_ratio = max_ratio
        self.max_size = max_size
        self.max_line = max_line


class Verifier:
    """Takes a file's bytes in order and says at the end what it saw, or what is wrong with it.

    Args:
        content: as in RemoteFile.
        footer_lines: as in RemoteFile.
        checksum: ``KIND:HEX`` to agree with, as in RemoteFile.
        limits: bounds for gzip.
        kept: the file is kept whatever its records are, since it cannot be fetched again: Content says
            how many are bad, and no fault is raised for them.
    """

    __slots__ = (
        "_blank", "_checksum", "_content", "_document", "_footer", "_hash", "_inflater", "_kept", "_lines", "_other", "size",
    )  # fmt: skip

    def __init__(
        self,
        content: str,
        *,
        footer_lines: int = 0,
        checksum: str | None = None,
        limits: Limits,
        kept: bool = False,
    ) -> None:
        self._content = content
        self._footer = footer_lines
        self._checksum = checksum
        self._hash = hashlib.sha256()
        self._other = second_digest(checksum)
        self._inflater = (
            Inflater(max_ratio=limits.max_ratio, max_size=limits.max_size)
            if content in GZIP
            else None
        )
        self._kept = kept
        self._lines = RecordCounter() if content in LINES else None
        self._document: list[bytes] | None = [] if content in DOCUMENTS else None
        self._blank = not kept  # nothing has come yet but a byte order mark and space
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Takes the next piece. Raises VerifyFault as soon as it cannot become right any more."""
        self.size += len(data)
        self._hash.update(data)
        if self._other is not None:
            self._other.update(data)
        if self._inflater is not None:
            for text in self._inflater.feed(data):
                if self._lines is not None:
                    self._read(self._lines, text)
        elif self._lines is not None:
            self._read(self._lines, data)
        elif self._document is not None:
            if self.size > MAX_DOCUMENT:
                raise VerifyFault(
                    FailureKind.NOT_DATA, f"is a document of more than {MAX_DOCUMENT} bytes"
                )
            self._document.append(data)

    def _read(self, lines: RecordCounter, text: bytes) -> None:
        """JSON Lines never begin with a ``<``; an error page that came with a 200 does."""
        if self._blank:
            head = text.lstrip(_BLANK)
            self._blank = not head
            if head.startswith(b"<"):
                raise VerifyFault(
                    FailureKind.NOT_DATA, "is a web page or XML where JSON Lines should be"
                )
        lines.feed(text)

    def finish(self) -> Content:
        """Says what was seen. Raises VerifyFault."""
        proof = Proof.NONE
        if self._inflater is not None:
            self._inflater.finish()
            proof |= Proof.CONTAINER
        document = None if self._document is None else b"".join(self._document)
        if document is not None:
            check_document(self._content, document)
            if not document.rstrip()[-1:].isdigit():  # a number may continue
                proof |= Proof.CONTAINER
        sha256 = self._hash.hexdigest()
        if self._checksum is not None:
            check_sum(self._checksum, sha256=sha256, other=self._other)
            proof |= Proof.CHECKSUM
        lines = self._lines
        if lines is None:
            return Content(size=self.size, sha256=sha256, document=document, proof=proof)
        lines.finish()
        if not self._kept:
            check_records(lines)
        if lines.count and not lines.bad:
            proof |= Proof.RECORDS
        return Content(
            size=self.size,
            sha256=sha256,
            records=max(0, lines.count - self._footer),
            last=lines.last,
            proof=proof,
            bad_records=lines.bad,
            first_bad=lines.first_bad,
        )


def verify_quick(
    data: bytes, content: str, *, footer_lines: int = 0, checksum: str | None = None, limits: Limits
) -> Content | None:
    """The same for the usual small file, in a time that is bounded by its size.

    None when it takes a closer look: what is large, or unusual, or not right. Raises VerifyFault.
    """
    if len(data) > _SMALL:
        return None
    if content not in GZIP and content not in LINES:
        return _whole(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    proof = _PROVEN[content]
    text = inflate_small(data, _INFLATED) if content in GZIP else data
    if text is None:
        return None
    sha256 = hashlib.sha256(data).hexdigest()
    if checksum is not None:
        other = second_digest(checksum)
        if other is not None:
            other.update(data)
        check_sum(checksum, sha256=sha256, other=other)
        proof |= Proof.CHECKSUM
    if content not in LINES:
        return Content(size=len(data), sha256=sha256, proof=proof)
    seen = scan_records(text)
    if seen is None:
        return None
    count, last = seen
    return Content(
        size=len(data),
        sha256=sha256,
        records=max(0, count - footer_lines),
        last=last,
        proof=proof if count else proof & ~Proof.RECORDS,
    )


_PROVEN = {
    "jsonl.gz": Proof.CONTAINER | Proof.RECORDS,
    "gz": Proof.CONTAINER,
    "jsonl": Proof.RECORDS,
}


def verify_small(
    data: bytes, content: str, *, footer_lines: int = 0, checksum: str | None = None, limits: Limits
) -> Content:
    """The same for any file that is in memory. Raises VerifyFault."""
    seen = verify_quick(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    if seen is not None:
        return seen
    return _whole(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)


def _whole(
    data: bytes, content: str, *, footer_lines: int, checksum: str | None, limits: Limits
) -> Content:
    verifier = Verifier(content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    verifier.feed(data)
    return verifier.finish()


def check_records(lines: RecordCounter) -> None:
    """Whether a text that is over is JSON Lines at all, and not cut short. Raises VerifyFault."""
    if lines.first_bad is None:
        return
    if lines.bad > lines.cut and not lines.nested:
        raise VerifyFault(FailureKind.NOT_DATA, "holds no JSON record where JSON Lines should be")
    if lines.cut:
        raise VerifyFault(FailureKind.TRUNCATED, "ends in the middle of its last record")


def check_document(content: str, document: bytes) -> None:
    """Whether a JSON or XML document can be read. Raises VerifyFault."""
    head = document[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise VerifyFault(FailureKind.TRUNCATED, f"is empty where {content} should be")
    if content == "json":
        if head.startswith(b"<"):
            raise VerifyFault(FailureKind.NOT_DATA, "is a web page or XML where JSON should be")
        try:
            json.loads(document)
        except RecursionError:
            raise VerifyFault(FailureKind.CORRUPT, "is JSON nested too deeply") from None
        except ValueError as error:
            raise VerifyFault(FailureKind.CORRUPT, f"is not JSON: {error}") from None
        return
    from xml.etree.ElementTree import ParseError  # noqa: PLC0415 - only its exception

    from defusedxml.common import DefusedXmlException  # noqa: PLC0415 - only where XML occurs
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - only where XML occurs

    try:
        root = fromstring(document, forbid_dtd=False)
    except DefusedXmlException as error:
        raise VerifyFault(
            FailureKind.CORRUPT, f"is XML that is not safe to read: {error}"
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        raise VerifyFault(FailureKind.CORRUPT, f"is not XML: {error}") from None
    if root.tag.lower() == "html":
        raise VerifyFault(FailureKind.NOT_DATA, "is a web page where XML should be")
    if root.tag == "Error" and root.find("Code") is not None:
        raise VerifyFault(FailureKind.NOT_DATA, "is an error document of the storage")

"""One pass over a file's stored bytes: hash, gzip to the end, records, documents."""

import hashlib
import json

from backhaul.errors import FailureKind
from backhaul.types import Content
from backhaul.verify.fault import DamagedLines, VerifyFault
from backhaul.verify.inflate import Inflater, inflate_small
from backhaul.verify.lines import LineCounter, scan_lines
from backhaul.verify.objects import ObjectCounter

LINES = frozenset({"jsonl.gz", "jsonl"})
GZIP = frozenset({"jsonl.gz", "gz"})
DOCUMENTS = frozenset({"json", "xml"})
PROVABLE = GZIP | DOCUMENTS  # reading them to the end shows that they are whole
KINDS = LINES | GZIP | DOCUMENTS | {"bytes"}
MAX_DOCUMENT = 100 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n"
_SMALL = 1 << 16  # bytes as stored; what inflates to megabytes is quicker in steps
_INFLATED = 8 << 20


class Limits:
    """How far a gzip file may inflate; see Inflater."""

    __slots__ = ("max_ratio", "max_size")

    def __init__(self, *, max_ratio: float = 1100.0, max_size: int = 1 << 40) -> None:
        self.max_ratio = max_ratio
        self.max_size = max_size


class Verifier:
    """Takes a file's bytes in order and says at the end what it saw, or what is wrong with it.

    Args:
        content: as in RemoteFile.
        footer_lines: as in RemoteFile.
        checksum: ``sha256:hex`` or ``md5:hex`` to agree with.
        limits: bounds for gzip.
        doubtful: also look whether each line is a JSON object; see ObjectCounter.
    """

    __slots__ = (
        "_blank", "_checksum", "_content", "_document", "_footer", "_hash", "_inflater", "_lines", "_objects", "_other", "size",
    )  # fmt: skip

    def __init__(
        self,
        content: str,
        *,
        footer_lines: int = 0,
        checksum: str | None = None,
        limits: Limits,
        doubtful: bool = False,
    ) -> None:
        self._content = content
        self._footer = footer_lines
        self._checksum = checksum
        self._hash = hashlib.sha256()
        self._other = _second_hash(checksum)
        self._inflater = (
            Inflater(max_ratio=limits.max_ratio, max_size=limits.max_size)
            if content in GZIP
            else None
        )
        self._objects = ObjectCounter() if doubtful and content in LINES else None
        self._lines = (self._objects or LineCounter()) if content in LINES else None
        self._document: list[bytes] | None = [] if content in DOCUMENTS else None
        self._blank = True  # nothing has come yet but a byte order mark and space
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
                    self._lines.feed(text)
        elif self._lines is not None:
            if self._blank:
                self._look(data)
            self._lines.feed(data)
        elif self._document is not None:
            if self.size > MAX_DOCUMENT:
                raise VerifyFault(
                    FailureKind.NOT_DATA, f"is a document of more than {MAX_DOCUMENT} bytes"
                )
            self._document.append(data)

    def _look(self, data: bytes) -> None:
        """JSON Lines never begin with a ``<``; an error page that came with a 200 does."""
        head = data.lstrip(_BLANK)
        self._blank = not head
        if head.startswith(b"<"):
            raise VerifyFault(
                FailureKind.NOT_DATA, "is a web page or XML where JSON Lines should be"
            )

    def finish(self) -> Content:
        """Says what was seen. Raises VerifyFault; DamagedLines if that is all that is wrong with it."""
        if self._inflater is not None:
            self._inflater.finish()
        records = None
        last = b""
        if self._lines is not None:
            self._lines.finish()
            records = max(0, self._lines.count - self._footer)
            last = self._lines.last
        document = None if self._document is None else b"".join(self._document)
        if document is not None:
            check_document(self._content, document)
        sha256 = self._hash.hexdigest()
        if self._checksum is not None:
            other = None if self._other is None else self._other.hexdigest()
            check_sum(self._checksum, sha256=sha256, other=other)
        seen = Content(size=self.size, sha256=sha256, records=records, last=last, document=document)
        if self._objects is not None and self._objects.damaged:
            raise DamagedLines(_damage(self._objects), seen)
        return seen


def _damage(lines: ObjectCounter) -> str:
    verb = "is" if lines.damaged == 1 else "are"
    return (
        f"{lines.damaged} of its {lines.count} lines {verb} no JSON (the first: line {lines.first}),"
        " each time that they were asked for; kept as they came: have the period delivered anew, or"
        " mend or remove those lines and run again"
    )


def verify_small(
    data: bytes, content: str, *, footer_lines: int = 0, checksum: str | None = None, limits: Limits
) -> Content:
    """The same for a file that is in memory; quicker for the usual small gzip. Raises VerifyFault."""
    if content == "jsonl.gz" and checksum is None and len(data) <= _SMALL:
        text = inflate_small(data, _INFLATED)
        if text is not None:
            count, last = scan_lines(text)
            return Content(
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                records=max(0, count - footer_lines),
                last=last,
            )
    verifier = Verifier(content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    verifier.feed(data)
    return verifier.finish()


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


def _second_hash(checksum: str | None) -> "hashlib._Hash | None":
    name = (checksum or "sha256").partition(":")[0].lower()
    if name == "sha256":
        return None
    try:
        return hashlib.new(name, usedforsecurity=False)
    except ValueError:
        return None  # check_sum says so


def check_sum(checksum: str, *, sha256: str, other: str | None) -> None:
    """Whether the provider's checksum agrees. Raises VerifyFault."""
    name, _, wanted = checksum.partition(":")
    seen = sha256 if name.lower() == "sha256" else other
    if seen is None:
        raise VerifyFault(FailureKind.CORRUPT, f"has a checksum of unknown kind {name!r}")
    if seen != wanted.strip().lower():
        raise VerifyFault(FailureKind.CORRUPT, f"{name} is {seen}, the provider says {wanted}")

"""Verifies JSON and XML documents by parsing them."""

import json

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

MAX_DOCUMENT = 100 << 20


class DocumentReader:
    """Collects a document.

    Args:
        content: ``json`` or ``xml``.

    Attributes:
        document: the whole document, set by ``finish``.
    """

    __slots__ = ("_content", "_pieces", "_size", "document", "records")

    def __init__(self, content: str) -> None:
        self._content = content
        self._pieces: list[bytes] = []
        self._size = 0
        self.document: bytes | None = None
        self.records: int | None = None

    def feed(self, text: bytes) -> None:
        """Adds a chunk. Raises VerifyFault."""
        self._size += len(text)
        if self._size > MAX_DOCUMENT:
            raise VerifyFault(FailureKind.NOT_DATA, f"document is larger than {MAX_DOCUMENT} bytes")
        self._pieces.append(text)

    def finish(self) -> Proof:
        """Ends the document and returns what it proves. Raises VerifyFault."""
        document = self.document = b"".join(self._pieces)
        check_document(self._content, document)
        # A bare number could have been cut.
        return Proof.NONE if document.rstrip()[-1:].isdigit() else Proof.CONTAINER


def check_document(content: str, document: bytes) -> None:
    """Parses a JSON or XML document. Raises VerifyFault."""
    head = document[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise VerifyFault(FailureKind.TRUNCATED, f"empty file, expected {content}")
    if content == "json":
        if head.startswith(b"<"):
            raise VerifyFault(FailureKind.NOT_DATA, "an HTML page or XML instead of JSON")
        try:
            json.loads(document)
        except RecursionError:
            raise VerifyFault(FailureKind.CORRUPT, "JSON is nested too deeply") from None
        except ValueError as error:
            raise VerifyFault(FailureKind.CORRUPT, f"invalid JSON: {error}") from None
        return
    from xml.etree.ElementTree import ParseError  # noqa: PLC0415 - only needed for XML

    from defusedxml.common import DefusedXmlException  # noqa: PLC0415 - only needed for XML
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - only needed for XML

    try:
        root = fromstring(document, forbid_dtd=False)
    except DefusedXmlException as error:
        raise VerifyFault(FailureKind.CORRUPT, f"unsafe XML: {error}") from None
    except (ParseError, ValueError, LookupError) as error:
        raise VerifyFault(FailureKind.CORRUPT, f"invalid XML: {error}") from None
    if root.tag.lower() == "html":
        raise VerifyFault(FailureKind.NOT_DATA, "an HTML page instead of XML")
    if root.tag == "Error" and root.find("Code") is not None:
        raise VerifyFault(FailureKind.NOT_DATA, "an error document from the storage service")

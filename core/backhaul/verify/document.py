"""JSON and XML documents: whole ones can be read."""

import json

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.fault import VerifyFault

MAX_DOCUMENT = 100 << 20


class DocumentReader:
    """Takes a document in pieces and holds it.

    Args:
        content: ``json`` or ``xml``.

    Attributes:
        document: all of it, once it is over.
    """

    __slots__ = ("_content", "_pieces", "_size", "document", "records")

    def __init__(self, content: str) -> None:
        self._content = content
        self._pieces: list[bytes] = []
        self._size = 0
        self.document: bytes | None = None
        self.records: int | None = None

    def feed(self, text: bytes) -> None:
        """Takes the next piece. Raises VerifyFault."""
        self._size += len(text)
        if self._size > MAX_DOCUMENT:
            raise VerifyFault(
                FailureKind.NOT_DATA, f"is a document of more than {MAX_DOCUMENT} bytes"
            )
        self._pieces.append(text)

    def finish(self) -> Proof:
        """The document is over: says what shows its end. Raises VerifyFault."""
        document = self.document = b"".join(self._pieces)
        check_document(self._content, document)
        # A number may continue.
        return Proof.NONE if document.rstrip()[-1:].isdigit() else Proof.CONTAINER


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

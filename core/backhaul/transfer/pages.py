"""Recognizes an HTML page, such as a login page, instead of a file of unknown format.

Files of other formats are recognized by their content. For a file of unknown format, a page is refused only
if the server labels it as HTML and the file's name has another suffix.
"""

import re
import zlib
from collections.abc import Sequence

from backhaul.foreign import BLANK
from backhaul.types import RemoteFile
from backhaul.verify.contents import parts

_LABEL = b"text/html"
_BEGINS = re.compile(
    rb"(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL
)
_LOOKED_AT = 1 << 12  # bytes
_SUFFIX = re.compile(r"[^.]\.([a-z0-9]*[a-z][a-z0-9]*)\Z")
_PACKED = re.compile(r"\.(?:gz|gzip)\Z")
_OF_PAGES = frozenset(
    {"asp", "aspx", "cfm", "cgi", "htm", "html", "jsp", "mht", "mhtml", "php", "shtml", "xhtml", "xht"}
)  # fmt: skip


def is_page(file: RemoteFile, checksum: str | None, lines: Sequence[bytes], data: bytes) -> bool:
    """Whether a complete response is an HTML page instead of the file.

    Args:
        file: the file.
        checksum: the file's checksum, if known: then the checksum decides. So does a listed size.
        lines: the response's header lines.
        data: at least the beginning of its body.
    """
    form, packing = parts(file.content)
    if form != "bytes" or packing not in {"", "gz"}:
        return False
    if not any(_LABEL in line.lower() for line in lines if line[:13].lower() == b"content-type:"):
        return False
    if checksum is not None or file.size is not None:
        return False
    name = file.name.lower()
    suffix = _SUFFIX.search(_PACKED.sub("", name) if packing else name)
    if suffix is None and not packing:
        return False  # it may be meant to be a page
    if suffix is not None and suffix[1] in _OF_PAGES:
        return False
    text = _unpacked(data) if packing else data[:_LOOKED_AT]
    return _BEGINS.match(text.lstrip(BLANK)) is not None


def _unpacked(data: bytes) -> bytes:
    """The beginning of gzip data; empty if it is not gzip."""
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _LOOKED_AT)
    except zlib.error:
        return b""

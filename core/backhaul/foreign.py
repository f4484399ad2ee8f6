"""Sanitizes foreign text: anything from a server, a file or a plugin, before it is stored or shown.

Applied once, on arrival: decoded, made printable, redacted, and only then truncated. Truncating first
could leave half a secret, and unprintable characters could control a terminal or forge log lines. Time
and memory are bounded for any text.
"""

import re
from collections.abc import Collection
from unicodedata import category

from backhaul.redact import redact

LONGEST = 2000  # maximum characters of a message
_LOOKED_AT = 1 << 16  # maximum characters examined, and bytes decoded
BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and white space
_TAGS = re.compile(r"<(?:script|style)\b[^>]*+>[^<]*+|<[^<>]{0,1000}+>", re.IGNORECASE)

_COLOUR = re.compile(r"(\x1b\[\d{1,3}(?:;\d{1,3}){0,5}m)")  # also of 256 colours, and with bold


def line(foreign: str | bytes, *, own: Collection[str] = (), limit: int = LONGEST) -> str:
    """Foreign text on one line: printable, without secrets and of limited length.

    Args:
        foreign: the text; bytes are decoded as UTF-8.
        own: secrets of the request that the text responds to, see ``redact.own_values``.
        limit: maximum number of characters; longer text ends in an ellipsis.
    """
    text = foreign[:_LOOKED_AT]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = redact(printable(" ".join(text.split())), own)
    return f"{text[:limit]}…" if len(text) > limit or len(foreign) > _LOOKED_AT else text


def quote(body: bytes, *, own: Collection[str] = (), limit: int = 200) -> str:
    """The beginning of a response body for a message, without markup, in quotes."""
    if not body.strip(BLANK):
        return "(empty)"
    text = summary(body, own=own, limit=limit)
    return f'"{text}"' if text else f"({len(body)} bytes of binary data)"


def summary(body: bytes, *, own: Collection[str] = (), limit: int = 160) -> str:
    """The text at the beginning of a response body, without markup; empty if there is none."""
    head = body[:_LOOKED_AT].lstrip(BLANK)
    if b"\0" in head[:1024] or head.startswith(b"\x1f\x8b"):
        return ""
    text = head.decode("utf-8", "replace")
    if text.startswith("<"):
        text = _TAGS.sub(" ", text)
    return line(text, own=own, limit=limit)


def printable(text: str, *, own: bool = False, coloured: bool = False) -> str:
    r"""Replaces unprintable characters with escapes such as ``\x1b`` and ``\u202e``.

    Covers control characters, direction marks, zero-width characters and lone surrogates, so that the
    text can be displayed and stored. In the user's ``own``, such as a path, spaces of all widths are
    kept; if ``coloured``, changes of colour are.
    """
    if text.isprintable():
        return text
    if coloured:
        parts = enumerate(_COLOUR.split(text))  # every other one is a colour
        return "".join(part if at % 2 else printable(part, own=own) for at, part in parts)
    return "".join(
        char if char.isprintable() or (own and category(char) == "Zs") else escaped(char)
        for char in text
    )


def escaped(char: str) -> str:
    r"""A character's escape: ``\x1b``, ``\u202e``."""
    return char.encode("unicode_escape").decode()

"""The gate for foreign text: what a server, a file or a plugin says is made fit to keep and show.

It passes once, where it arrives: decoded, made printable, redacted, and only then cut. What was cut
before it was redacted could show half a secret, and what is not printable could draw on a terminal
or forge a line of a log. Time and memory are bounded whatever the text is.
"""

import re
from collections.abc import Collection

from backhaul.redact import redact

LONGEST = 2000  # characters of a message that are kept
_LOOKED_AT = 1 << 16  # characters that are looked at, and bytes that are decoded
_BLANK = b"\xef\xbb\xbf \t\r\n"
_TAGS = re.compile(r"<(?:script|style)\b[^>]*+>[^<]*+|<[^<>]{0,1000}+>", re.IGNORECASE)


def line(said: str | bytes, *, own: Collection[str] = (), limit: int = LONGEST) -> str:
    """Foreign text on one line: printable, without secrets, and of bounded length.

    Args:
        said: the text, or bytes that are taken for UTF-8.
        own: secrets of the request that the text answers, see ``redact.own_values``.
        limit: characters to keep; what is longer ends in an ellipsis.
    """
    text = said[:_LOOKED_AT]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = redact(printable(" ".join(text.split())), own)
    return f"{text[:limit]}…" if len(text) > limit or len(said) > _LOOKED_AT else text


def quote(body: bytes, *, own: Collection[str] = (), limit: int = 200) -> str:
    """The beginning of an answer's body for a message: what it says, without its markup."""
    if not body.strip(_BLANK):
        return "(empty)"
    text = summary(body, own=own, limit=limit)
    return f'"{text}"' if text else f"({len(body)} bytes of binary)"


def summary(body: bytes, *, own: Collection[str] = (), limit: int = 160) -> str:
    """What the beginning of an answer's body says, without markup; empty where it says nothing."""
    head = body[:_LOOKED_AT].lstrip(_BLANK)
    if b"\0" in head[:1024] or head.startswith(b"\x1f\x8b"):
        return ""
    text = head.decode("utf-8", "replace")
    if text.startswith("<"):
        text = _TAGS.sub(" ", text)
    return line(text, own=own, limit=limit)


def printable(text: str) -> str:
    r"""The text with what is not printable as escapes such as ``\x1b`` and ``\u202e``.

    That covers control characters, marks of writing direction, zero-width characters and half
    surrogate pairs, so the text can be shown and stored.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escaped(char) for char in text)


def escaped(char: str) -> str:
    r"""A character as its escape: ``\x1b``, ``\u202e``."""
    return char.encode("unicode_escape").decode()

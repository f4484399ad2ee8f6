"""Index entries, and the supported digests."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from backhaul import NotDataError

DIGESTS: Final[Mapping[str, int]] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Kinds of digests, each with its number of hex digits; the strongest is the last."""

FIELDS: Final = ("url", "name", "size", *DIGESTS)
"""The fields that a reader can extract."""

LONGEST: Final = 1 << 16
"""Maximum bytes of a line, link or value."""

_HEX: Final = re.compile(r"[0-9a-f]+")
_KINDS: Final = {digits: kind for kind, digits in DIGESTS.items()}


class Entry(NamedTuple):
    """A file listed in an index.

    Attributes:
        url: as written in the index, often relative to it.
        name: as written in the index; '' if only the URL has one.
        size: bytes, if listed.
        checksum: ``kind:hex``, if listed.
    """

    url: str
    name: str = ""
    size: int | None = None
    checksum: str | None = None


Entries = Iterator[Entry]


def entry(found: Mapping[str, Any], where: str) -> Entry:
    """An entry from the values that a reader found for the names in FIELDS.

    Args:
        found: the values; None or '' if there is none.
        where: for messages: ``line 5``.

    Raises:
        NotDataError: a value is invalid.
    """
    url, name = _text(found, "url", where), _text(found, "name", where)
    if not url and not name:
        raise NotDataError(f"{where} has neither a url nor a name")
    size = found.get("size")
    if isinstance(size, str) and size.strip().isdecimal() and len(size) < 20:  # noqa: PLR2004 - of 64 bits
        size = int(size)
    if size == "":
        size = None
    if size is not None and (type(size) is not int or size < 0):
        raise NotDataError(f"{where}: size is {str(size)[:40]!r} instead of a number of bytes")
    checksum = None
    for kind in DIGESTS:
        if found.get(kind) is not None and (digest := _text(found, kind, where)):
            checksum = of_kind(kind, digest, where)
    return Entry(url or _quoted(name), name, size, checksum)


def _text(found: Mapping[str, Any], key: str, where: str) -> str:
    value = found.get(key)
    if value is None:
        return ""
    if type(value) is not str or len(value) > LONGEST:
        raise NotDataError(f"{where}: {key} is not a string")
    return value.strip()


def of_kind(kind: str, digest: str, where: str) -> str:
    """A digest as ``kind:hex``; it may be prefixed with its kind. Raises NotDataError."""
    text = digest.lower().removeprefix(f"{kind}:")
    if len(text) != DIGESTS[kind] or _HEX.fullmatch(text) is None:
        raise NotDataError(
            f"{where}: {kind} is {digest[:80]!r} instead of {DIGESTS[kind]} hex digits"
        )
    return f"{kind}:{text}"


def by_length(digest: str) -> str | None:
    """A digest as ``kind:hex``, with the kind determined by its length; None if it is not a digest."""
    text = digest.lower()
    kind = _KINDS.get(len(text))
    return f"{kind}:{text}" if kind is not None and _HEX.fullmatch(text) else None


def _quoted(name: str) -> str:
    """A name as a relative URL."""
    return quote(name, safe="/~!$&'()*+,;=@-._")

"""Checksum files, as md5sum, sha1sum, sha256sum and sha512sum write them, and as BSD does."""

import re
from collections.abc import Iterable, Iterator

from backhaul.foreign import line
from backhaul.verify.digest import HEX_DIGITS

MOST = 1 << 20
"""Bytes that a checksum file may have."""

_KINDS = {digits: kind for kind, digits in HEX_DIGITS.items() if kind != "crc32c"}
_LINE = re.compile(r"(\\?)([0-9A-Fa-f]{32,128})(?:[ \t]+\*?(\S.*))?")
_BSD = re.compile(r"(MD5|SHA1|SHA256|SHA512) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})")
_ESCAPE = re.compile(r"\\([\\nr])")
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}
_Entry = tuple[str, str]


def find_checksum(data: bytes, names: Iterable[str]) -> str:
    """A file's checksum, as ``KIND:HEX``; the kind follows from the number of digits.

    A file with one checksum is about one file, whatever name it gives. Of many, the one is taken
    whose name, or the last part of it, is among the file's names; the longest, where kinds are mixed.

    Args:
        data: the checksum file.
        names: of the file, without folders.

    Raises:
        ValueError: it is no checksum file, or has none of that file; says which, as ``is ...``.
    """
    entries = list(_entries(data))
    if not entries:
        raise ValueError("is empty")
    found = {checksum for _, checksum in entries}
    if len(found) > 1:
        wanted = set(names)
        found = {checksum for name, checksum in entries if _last(name) in wanted}
        if not found:
            raise ValueError(f"has no checksum of {line(' or '.join(sorted(wanted)), limit=200)}")
    longest = max(map(len, found))
    best = [checksum for checksum in found if len(checksum) == longest]
    if len(best) > 1:
        raise ValueError("has several checksums of one file")
    return f"{_KINDS[longest]}:{best[0]}"


def _entries(data: bytes) -> Iterator[_Entry]:
    for text in data.decode("utf-8-sig", "replace").splitlines():
        bare = text.strip()
        if not bare or bare.startswith("#"):
            continue
        bsd = _BSD.fullmatch(bare)
        if bsd is not None and _KINDS.get(len(bsd[3])) == bsd[1].lower():
            yield bsd[2], bsd[3].lower()
            continue
        match = _LINE.fullmatch(bare)
        if match is None or len(match[2]) not in _KINDS:
            raise ValueError(f"is no checksum file: {line(bare, limit=80)}")
        name = match[3] or ""
        if match[1]:
            name = _ESCAPE.sub(lambda found: _PLAIN[found[1]], name)
        yield name, match[2].lower()


def _last(name: str) -> str:
    return name.rpartition("/")[2]

"""Parses checksum files in the GNU format (md5sum, sha256sum, ...) and the BSD format."""

import re
from collections.abc import Iterable, Iterator

from backhaul.checks import HEX_DIGITS
from backhaul.foreign import line

MOST = 1 << 20
"""Maximum size of a checksum file in bytes."""

_KINDS = {digits: kind for kind, digits in HEX_DIGITS.items() if kind != "crc32c"}
_LINE = re.compile(r"(\\?)([0-9A-Fa-f]{32,128})(?:[ \t]+\*?(\S.*))?")
_BSD = re.compile(r"(MD5|SHA1|SHA256|SHA512) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})")
_ESCAPE = re.compile(r"\\([\\nr])")
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}
_Entry = tuple[str, str]


def find_checksum(data: bytes, names: Iterable[str]) -> str:
    """The checksum of a file as ``KIND:HEX``; the number of digits determines the kind.

    A file with a single checksum applies whatever name it gives. Otherwise the entry whose name, or last
    path component, is among ``names`` is used; the longest digest wins if kinds are mixed.

    Args:
        data: the checksum file.
        names: the file's possible names, without folders.

    Raises:
        ValueError: not a checksum file, or no entry for the file.
    """
    entries = list(_entries(data))
    if not entries:
        raise ValueError("empty file")
    found = {checksum for _, checksum in entries}
    if len(found) > 1:
        wanted = set(names)
        found = {checksum for name, checksum in entries if name.rpartition("/")[2] in wanted}
        if not found:
            raise ValueError(f"no checksum for {line(' or '.join(sorted(wanted)), limit=200)}")
    longest = max(map(len, found))
    best = [checksum for checksum in found if len(checksum) == longest]
    if len(best) > 1:
        raise ValueError("conflicting checksums for the same file")
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
            raise ValueError(f"not a checksum file: {line(bare, limit=80)}")
        name = match[3] or ""
        if match[1]:
            name = _ESCAPE.sub(lambda found: _PLAIN[found[1]], name)
        yield name, match[2].lower()

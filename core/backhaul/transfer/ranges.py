"""Parses Content-Range of a 206 (RFC 9110, section 14.4)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)


class Part(NamedTuple):
    """The bytes ``[start, end)`` of a file of ``total`` bytes; None if unknown."""

    start: int
    end: int
    total: int | None

    @property
    def whole(self) -> bool:
        """Whether it covers the whole file."""
        return self.start == 0 and self.end == self.total

    def fits(self, length: int | None) -> bool:
        """Whether it can belong to a file of this length; None: unknown."""
        return length is None or (self.total in {None, length} and self.end <= length)


def part_of(headers: Mapping[str, str]) -> Part | None:
    """The single range of a 206; None for several ranges or an invalid one."""
    if headers.get("content-type", "").lower().startswith("multipart/"):
        return None
    found = _RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return None
    total = None if found[3] == "*" else int(found[3])
    part = Part(int(found[1]), int(found[2]) + 1, total)
    fits = part.start < part.end and (total is None or part.end <= total)
    return part if fits else None

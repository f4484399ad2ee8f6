"""A reference implementation for JSON Lines: json.loads, line by line."""

import json
from typing import NamedTuple

MARK = b"\xef\xbb\xbf"


class Plain(NamedTuple):
    """The contents of a text.

    Attributes:
        count, last: number of non-blank lines, and the last one, stripped.
        bad, first: number of lines that json rejects; line (from 1) and byte (from 0) of the first.
        nested: at least one line is an object or array.
    """

    count: int
    last: bytes
    bad: int
    first: tuple[int, int] | None
    nested: bool


def plainly(text: bytes) -> Plain:
    """Parses a text."""
    place = len(MARK) if text.startswith(MARK) else 0
    count, last, bad, nested = 0, b"", 0, False
    first: tuple[int, int] | None = None
    for number, line in enumerate(text.removeprefix(MARK).split(b"\n"), start=1):
        if line.strip():
            count, last = count + 1, line.strip()
            try:
                value = json.loads(line.decode("utf-8", "surrogatepass"), parse_int=str)
            except ValueError:
                bad += 1
                first = first or (number, place)
            else:
                nested = nested or isinstance(value, dict | list)
        place += len(line) + 1
    return Plain(count, last, bad, first, nested)

"""What a message has to name, whatever its wording is."""

from collections.abc import Iterable, Sequence


def unnamed(line: str, start: str, *facts: str) -> list[str]:
    """What a line fails to name: it begins with its place, and has the other facts anywhere."""
    missing = [] if line.startswith(start) else [start]
    return missing + [fact for fact in facts if fact not in line]


def assert_told(lines: Iterable[str], *expected: Sequence[str]) -> None:
    """One line for each, in this order; see ``unnamed``."""
    found = list(lines)
    assert len(found) == len(expected), found
    for line, facts in zip(found, expected, strict=True):
        assert not unnamed(line, *facts), line

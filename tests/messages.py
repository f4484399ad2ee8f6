"""Checks what a message must contain, whatever its wording."""

from collections.abc import Iterable, Sequence


def missing_facts(line: str, start: str, *facts: str) -> list[str]:
    """What a line lacks: it must start with its place, and contain the other facts."""
    missing = [] if line.startswith(start) else [start]
    return missing + [fact for fact in facts if fact not in line]


def assert_messages(lines: Iterable[str], *expected: Sequence[str]) -> None:
    """One line for each, in this order; see ``missing_facts``."""
    found = list(lines)
    assert len(found) == len(expected), found
    for line, facts in zip(found, expected, strict=True):
        assert not missing_facts(line, *facts), line

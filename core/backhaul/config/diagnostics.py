"""Errors in YAML files, and their locations."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

_LONGEST = 60
_LINE = 600


class Place(NamedTuple):
    """A location in a file; lines and columns start at 1, line 0 is the whole file."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """``file:line:column``, as editors expect it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def prefix(self, what: str) -> str:
        """``what``, after the location. In a mapping the location is a path, which is given once."""
        if not self.line:
            path = re.sub(r"\[(\d+)\]", r".\1", self.file)
            subject = re.match(r"[^ ]*[^ :]", what)
            if subject and f"{path}.".startswith(f"{subject[0]}."):
                what = what[subject.end() :].lstrip(": ")
        return f"{self}: {what}"


class Diagnostic(NamedTuple):
    """An error at a location, and how to fix it."""

    place: Place
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """``file:line:column: what is wrong; what to do``."""
        return self.place.prefix(self.what) + (f"; {self.remedy}" if self.remedy else "")


class Diagnostics:
    """Collects errors, so that they can be reported together."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def add(self, place: Place, what: str, remedy: str = "") -> None:
        """Record a problem; duplicates count once."""
        self._found[Diagnostic(place, printable(what), printable(remedy))] = None

    def __len__(self) -> int:
        return len(self._found)

    def lines(self) -> tuple[str, ...]:
        """One line per problem: files in the order read, each from top to bottom."""
        files = {problem.place.file: None for problem in self._found}
        order = {file: number for number, file in enumerate(files)}
        found = sorted(self._found, key=lambda problem: (order[problem.place.file], problem))
        return tuple(str(problem) for problem in found)


def quote(text: str) -> str:
    """Text in double quotes for a message, truncated."""
    return '"' + (text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...") + '"'


def printable(text: str) -> str:
    """A message on one line of limited length, without terminal control characters."""
    shown = text if len(text) <= _LINE else text[: _LINE - 3] + "..."
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to the given one."""
    by_lower = {each.lower().replace("-", "_"): each for each in known}
    close = get_close_matches(word[:200].lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def suggest(word: str, known: Iterable[str], *, kind: str) -> str:
    """Suggests replacements for an unknown word: the closest known word, or all of them."""
    known = list(known)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {quote(near)}?"
    return f"known {kind}: {', '.join(known)}" if known else f"there are no {kind}"

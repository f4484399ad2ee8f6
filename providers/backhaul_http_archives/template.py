"""Templates of addresses and names: ``{start:%Y-%m-%d}``, ``{symbol}``, and nothing else.

A field is a plain word. What stands behind its colon is looked up in a table of known directives, so
that a template reaches the slot's two times and the texts that it is given, and nothing beyond these.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Final

TIMES: Final = ("start", "end")
"""Fields that are a time, written with a format: ``{start:%Y}``."""

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# Ours and not strftime's: the same on each system, and in English whatever the locale is.
_DIRECTIVES: Final[Mapping[str, Callable[[datetime], str]]] = {
    "%": lambda _: "%",
    "Y": lambda t: f"{t.year:04d}",
    "y": lambda t: f"{t.year % 100:02d}",
    "m": lambda t: f"{t.month:02d}",
    "d": lambda t: f"{t.day:02d}",
    "H": lambda t: f"{t.hour:02d}",
    "M": lambda t: f"{t.minute:02d}",
    "S": lambda t: f"{t.second:02d}",
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "-m": lambda t: str(t.month),
    "-d": lambda t: str(t.day),
    "-H": lambda t: str(t.hour),
    "-M": lambda t: str(t.minute),
    "-S": lambda t: str(t.second),
    "-j": lambda t: str(t.timetuple().tm_yday),
    "F": lambda t: f"{t.year:04d}-{t.month:02d}-{t.day:02d}",
    "B": lambda t: _MONTHS[t.month - 1],
    "b": lambda t: _MONTHS[t.month - 1][:3],
    "A": lambda t: _DAYS[t.weekday()],
    "a": lambda t: _DAYS[t.weekday()][:3],
    "G": lambda t: f"{t.isocalendar().year:04d}",
    "V": lambda t: f"{t.isocalendar().week:02d}",
    "u": lambda t: str(t.isoweekday()),
    "q": lambda t: str((t.month + 2) // 3),
    "s": lambda t: str(int(t.timestamp())),
}
_NONE: Final[Mapping[str, str]] = {}
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_DIRECTIVE: Final = re.compile(r"%(-?[A-Za-z%])?")


@dataclass(frozen=True, slots=True)
class _Time:
    """A part of a time: of the slot's end, or of its start."""

    of_end: bool
    make: Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class _Text:
    name: str


_Part = str | _Time | _Text


@dataclass(frozen=True, slots=True)
class Template:
    """A text with fields.

    Attributes:
        text: as written.
        texts: names of its fields that are not times, in their order.
    """

    text: str
    parts: tuple[_Part, ...] = field(repr=False, compare=False)
    texts: tuple[str, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template. Raises ValueError, which says what to write."""
        parts = tuple(_merged(_parts(text)))
        texts = dict.fromkeys(part.name for part in parts if isinstance(part, _Text))
        return cls(text, parts, tuple(texts))

    @property
    def has_times(self) -> bool:
        """Whether it says anything of the slot."""
        return any(isinstance(part, _Time) for part in self.parts)

    @property
    def head(self) -> str:
        """What stands before the first field."""
        first = self.parts[0] if self.parts else ""
        return first if isinstance(first, str) else ""

    @property
    def tail(self) -> str:
        """What stands behind the last field."""
        last = self.parts[-1] if self.parts else ""
        return last if isinstance(last, str) else ""

    def bind(self, texts: Mapping[str, str]) -> "Template":
        """The same with these texts in place; fields of other names stay."""
        parts = (
            texts.get(part.name, part) if isinstance(part, _Text) else part for part in self.parts
        )
        left = tuple(name for name in self.texts if name not in texts)
        return Template(self.text, tuple(_merged(parts)), left)

    def fill(self, start: datetime, end: datetime, texts: Mapping[str, str] = _NONE) -> str:
        """The text for a slot.

        Args:
            start: of the slot.
            end: of the slot.
            texts: of the fields that have not been bound; each of them has one.
        """
        found = []
        for part in self.parts:
            if type(part) is str:
                found.append(part)
            elif type(part) is _Time:
                found.append(part.make(end if part.of_end else start))
            else:
                found.append(texts[part.name])  # type: ignore[union-attr]  # it is a _Text
        return "".join(found)

    def __str__(self) -> str:
        return self.text


def _merged(parts: "Iterator[_Part]") -> Iterator[_Part]:
    """The parts with texts that follow each other as one."""
    held = ""
    for part in parts:
        if isinstance(part, str):
            held += part
            continue
        if held:
            yield held
            held = ""
        yield part
    if held:
        yield held


def _parts(text: str) -> Iterator[_Part]:
    at = 0
    for found in _PIECE.finditer(text):
        yield text[at : found.start()]
        at = found.end()
        whole = found[0]
        if whole in {"{{", "}}"}:
            yield whole[0]
        elif found[1] is None:
            raise ValueError(
                f"has a single {whole} at character {found.start() + 1}; write {whole * 2} for the"
                " character itself, or a field such as {start:%Y-%m-%d}"
            )
        else:
            yield from _field(found[1])
    yield text[at:]


def _field(inside: str) -> Iterator[_Part]:
    name, colon, form = inside.partition(":")
    if _WORD.fullmatch(name) is None:
        raise ValueError(
            f"has the field {{{inside}}}: a field is a single word; write {{start:%Y-%m-%d}},"
            " {end:%Y-%m-%d}, or the name of one of the job's values"
        )
    if name not in TIMES:
        if not colon:
            yield _Text(name)
            return
        like = get_close_matches(name, TIMES, 1, 0.5)
        meant = f"{{{like[0]}:{form}}}" if like else f"{{{name}}}, or {{start:{form}}} for a time"
        raise ValueError(f"has {{{inside}}}: only start and end take a format; write {meant}")
    if not form:
        raise ValueError(f"has {{{inside}}} without a format; write {{{name}:%Y-%m-%d}}")
    yield from _time(name, form)


def _time(name: str, form: str) -> Iterator[_Part]:
    at = 0
    known = ", ".join(f"%{each}" for each in _DIRECTIVES if each != "%")
    for found in _DIRECTIVE.finditer(form):
        yield form[at : found.start()]
        at = found.end()
        make = _DIRECTIVES.get(found[1] or "")
        if make is None:
            raise ValueError(
                f"has {{{name}:{form}}}, and {found[0]} is not known; write one of {known}"
            )
        yield _Time(name == "end", make)
    if at == 0:
        raise ValueError(f"has {{{name}:{form}}} without a directive; write {{{name}:%Y-%m-%d}}")
    yield form[at:]

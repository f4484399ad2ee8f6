"""Templates for URLs and names: ``{start:%Y-%m-%d}``, ``{symbol}``, and nothing else.

A field is a plain word. The format after its colon is looked up in a table of known directives, so a
template can access only the slot's two times and the given texts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from operator import attrgetter
from typing import Final

TIMES: Final = ("start", "end")
"""Fields that are a time, written with a format: ``{start:%Y}``."""

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# Our own instead of strftime's: the same on each system, and in English in any locale.
_NUMBERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Y": ("%04d", ("year",)),
    "m": ("%02d", ("month",)),
    "d": ("%02d", ("day",)),
    "H": ("%02d", ("hour",)),
    "M": ("%02d", ("minute",)),
    "S": ("%02d", ("second",)),
    "-m": ("%d", ("month",)),
    "-d": ("%d", ("day",)),
    "-H": ("%d", ("hour",)),
    "-M": ("%d", ("minute",)),
    "-S": ("%d", ("second",)),
    "F": ("%04d-%02d-%02d", ("year", "month", "day")),
}
"""Directives that are attributes of a time, each with its format."""


def _numbers(form: str, names: tuple[str, ...]) -> Callable[[datetime], str]:
    values = attrgetter(*names)
    return lambda time: form % values(time)


_DIRECTIVES: Final[Mapping[str, Callable[[datetime], str]]] = {
    "%": lambda _: "%",
    **{key: _numbers(*of) for key, of in _NUMBERS.items()},
    "y": lambda t: f"{t.year % 100:02d}",
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "-j": lambda t: str(t.timetuple().tm_yday),
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
    """A part of a time: the slot's start or end."""

    of_end: bool
    make: Callable[[datetime], str]
    directive: str


@dataclass(frozen=True, slots=True)
class _Text:
    name: str


_Part = str | _Time | _Text
_Quick = tuple[bool, str, Callable[[datetime], object]]


@dataclass(frozen=True, slots=True)
class Template:
    """A text with fields.

    Attributes:
        text: as written.
        texts: names of its fields that are not times, in order.
    """

    text: str
    parts: tuple[_Part, ...] = field(repr=False, compare=False)
    texts: tuple[str, ...] = field(repr=False, compare=False)
    _quick: "_Quick | None" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Determine whether it can be filled in one step."""
        object.__setattr__(self, "_quick", _quick(self.parts))

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template. Raises ValueError, which says what to write."""
        parts = tuple(_merged(_parts(text)))
        texts = dict.fromkeys(part.name for part in parts if isinstance(part, _Text))
        return cls(text, parts, tuple(texts))

    @property
    def has_times(self) -> bool:
        """Whether it contains a time of the slot."""
        return any(isinstance(part, _Time) for part in self.parts)

    @property
    def head(self) -> str:
        """The text before the first field."""
        first = self.parts[0] if self.parts else ""
        return first if isinstance(first, str) else ""

    @property
    def tail(self) -> str:
        """The text after the last field."""
        last = self.parts[-1] if self.parts else ""
        return last if isinstance(last, str) else ""

    def bind(self, texts: Mapping[str, str]) -> "Template":
        """The template with these texts filled in; other fields stay."""
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
            texts: values for all fields that are not filled in yet.
        """
        if self._quick is not None:
            of_end, form, numbers = self._quick
            return form % numbers(end if of_end else start)
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


def _quick(parts: "tuple[_Part, ...]") -> "_Quick | None":
    """A fast way to fill a template that contains only numbers of one time, for archives with a million slots."""
    form, names = "", list[str]()
    times = [part for part in parts if isinstance(part, _Time)]
    if not times or any(time.of_end != times[0].of_end for time in times):
        return None
    for part in parts:
        if isinstance(part, str):
            form += part.replace("%", "%%")
        elif isinstance(part, _Time) and part.directive in _NUMBERS:
            form += _NUMBERS[part.directive][0]
            names += _NUMBERS[part.directive][1]
        else:
            return None
    return times[0].of_end, form, attrgetter(*names)


def _merged(parts: "Iterator[_Part]") -> Iterator[_Part]:
    """The parts, with consecutive texts merged."""
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
        yield _Time(name == "end", make, found[1])
    if at == 0:
        raise ValueError(f"has {{{name}:{form}}} without a directive; write {{{name}:%Y-%m-%d}}")
    yield form[at:]

"""Results on stdout, as text or JSON."""

import errno
import io
import json
import os
import shutil
import stat
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TextIO

from backhaul.foreign import printable
from backhaul.redact import redact

_MOST_HELD = 10_000
_LEAST = 20  # characters of the last column
_COLOURS = {"good": "32", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}
# Keys whose texts come from elsewhere: providers, servers, plugins.
_FOREIGN = frozenset({"message", "reason", "warnings", "problems", "error", "title", "note"})


class UnwritableError(Exception):
    """Stdout takes no more, though somebody may be waiting for it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"stdout cannot be written: {error.strerror or error}")


def prepare() -> None:
    """Make the standard streams usable: open, and able to encode whatever a provider says."""
    _open_standard_files()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as we live
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _open_standard_files() -> None:
    """Have files 0, 1 and 2 lead nowhere where whoever started us has closed them.

    Otherwise the next file to be opened, such as the ledger, would take the number, and whatever
    writes to stderr would write into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number


class Stdout:
    """Where results go.

    While a command runs, ``sys.stdout`` and file 1 lead to stderr, so that what a plugin or its
    child prints does not get between the lines of a result.
    """

    _kept: TextIO | None = None

    @classmethod
    def stream(cls) -> TextIO:
        """The real stdout."""
        return cls._kept or sys.stdout

    @classmethod
    @contextmanager
    def reserved(cls) -> Iterator[None]:
        """Keep stdout for results as long as this lasts. Raises as ``flush`` does."""
        if cls._kept is not None:
            yield
            return
        shown = sys.stdout
        own = _private_copy(shown)
        cls._kept = own or shown
        sys.stdout = sys.stderr
        try:
            yield
            flush()
        finally:
            sys.stdout = shown
            cls._kept = None
            if own is not None:
                os.dup2(own.fileno(), 1)
                with suppress(OSError, ValueError):  # after an error there may be more to say
                    own.close()


def _private_copy(stream: TextIO) -> TextIO | None:
    """A copy of the process's stdout, whose own number leads to stderr; None for another stream."""
    try:
        if stream is not sys.__stdout__ or stream.fileno() != 1:
            return None
        stream.flush()
        copy = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError):
        return None
    return open(copy, "w", encoding=stream.encoding, errors="backslashreplace", newline=None)  # noqa: PTH123 - a descriptor


def write(text: str) -> None:
    """Text of a result. Raises BrokenPipeError when the reader is gone, UnwritableError."""
    try:
        Stdout.stream().write(text)
    except OSError as error:
        raise _trouble(error) from None


def flush() -> None:
    """Hands over what is written so far. Raises as ``write`` does."""
    try:
        Stdout.stream().flush()
    except OSError as error:
        raise _trouble(error) from None


def _trouble(error: OSError) -> Exception:
    """The reader or the terminal is gone (EIO of a device), or the disk is full."""
    device = error.errno == errno.EIO and stat.S_ISCHR(os.fstat(Stdout.stream().fileno()).st_mode)
    if device or isinstance(error, BrokenPipeError):
        return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    return UnwritableError(error)


def reader_is_gone() -> None:
    """Let stdout lead nowhere, so that the interpreter's last flush is quiet."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, Stdout.stream().fileno())
        os.close(nowhere)


def line(text: str = "") -> None:
    """One line of a result; with -q it waits for how the command ends. Raises as ``write`` does."""
    if HeldBack.active:
        HeldBack.add(text)
    else:
        write(f"{text}\n")


class HeldBack:
    """With -q, what a command says: told when it fails, and forgotten when it succeeds."""

    active = False
    _first: ClassVar[list[str]] = []
    _more = 0

    @classmethod
    def start(cls, *, quiet: bool) -> None:
        """Begin a command."""
        cls.active, cls._first, cls._more = quiet, [], 0

    @classmethod
    def add(cls, text: str) -> None:
        """Hold back a line; of very many only the first are kept."""
        if len(cls._first) < _MOST_HELD:
            cls._first.append(text)
        else:
            cls._more += 1

    @classmethod
    def end(cls, *, failed: bool) -> None:
        """End it. Raises as ``write`` does."""
        if failed:
            write("".join(f"{text}\n" for text in cls._first))
            if cls._more:
                write(f"and {cls._more:,} more lines; run without -q to see them\n")
        cls.start(quiet=False)


def as_json(value: Any) -> None:
    """A result as JSON: indented on a terminal, else on one line."""
    write(json.dumps(_clean(value), indent=_indent(), ensure_ascii=False) + "\n")


class Written(str):
    """An item that is JSON already, and holds nothing foreign that is not redacted."""

    __slots__ = ()


Item = dict[str, Any] | Written


def stream_json(key: str, outer: Iterable[tuple[dict[str, Any], str, Iterable[Item]]]) -> None:
    """``{"exit_code": 0, key: [{**head, inner: [item, ...]}, ...]}``, as it comes, in flat memory.

    Args:
        key: of the outer list.
        outer: for each of its entries the head, the inner list's key, and its items.
    """
    write(f'{{"exit_code": 0, "{key}": [')
    for number, (head, inner, items) in enumerate(outer):
        text = json.dumps(_clean(head), ensure_ascii=False)
        write(f'{"," if number else ""}\n{text[:-1]}, "{inner}": [')
        for place, item in enumerate(items):
            text = item if isinstance(item, Written) else item_text(item)
            write(f"{',' if place else ''}\n  {text}")
        write("]}")
    write("]}\n")


def item_text(item: dict[str, Any]) -> str:
    """An item of a list as JSON, on one line."""
    return json.dumps(_foreign_only(item), ensure_ascii=False)


_SPACES = str.maketrans("\r\n\t", "   ")


def words(text: str) -> str:
    """A text that was stored, fit to be shown: an older ledger may hold what no gate has seen."""
    return printable(redact(text.translate(_SPACES)))


def colour(text: str, name: str, stream: TextIO | None = None) -> str:
    """The text in a colour, on a terminal that wants colours (see https://no-color.org)."""
    if not is_terminal(stream or Stdout.stream()) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m"


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def is_put_away(stream: TextIO) -> bool:
    """Whether what is written there goes to a file or to nowhere, with no reader waiting."""
    try:
        found, other = os.fstat(stream.fileno()), os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    nowhere = stat.S_ISCHR(found.st_mode) and not stream.isatty()
    return (nowhere or stat.S_ISREG(found.st_mode)) and not os.path.samestat(found, other)


def table(rows: Iterable[tuple[str, ...]], *, indent: str = "") -> Iterator[str]:
    """Rows as lines with aligned columns; the last one is ragged, and wrapped on a terminal."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)] if kept else []
    for row in kept:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        start = indent + "".join(f"{cell}  " for cell in cells)
        for text in _wrapped(row[-1], len(start)):
            yield (start + text).rstrip()
            start = " " * len(start)


def _wrapped(text: str, used: int) -> list[str]:
    """The last cell of a row, broken between words where the terminal ends."""
    if not (is_terminal(Stdout.stream()) or "COLUMNS" in os.environ):
        return [text]
    room = max(_LEAST, shutil.get_terminal_size().columns - used)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def _indent() -> int | None:
    return 2 if is_terminal(Stdout.stream()) else None


def _foreign_only(item: Any) -> Any:
    if isinstance(item, dict):
        for key in _FOREIGN & item.keys():
            if item[key]:
                item[key] = _redacted(item[key])
    return item


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _redacted(each) if key in _FOREIGN else _clean(each) for key, each in value.items()
        }
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    return [_redacted(each) for each in value] if isinstance(value, list | tuple) else value

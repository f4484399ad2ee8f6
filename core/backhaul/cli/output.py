"""Results on stdout, as text or JSON."""

import errno
import io
import json
import os
import shutil
import stat
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import IO, Any, ClassVar, Self, TextIO

from backhaul.cli import library
from backhaul.errors import BackhaulError, ConfigError
from backhaul.foreign import printable
from backhaul.redact import redact

_MOST_HELD = 10_000
_AT_ONCE = 1 << 16  # characters
_PIECES = 1000
_LEAST = 20  # characters of the last column
_COLOURS = {"good": "32", "warn": "33", "bad": "31", "dim": "2", "bold": "1"}
# Keys whose values come from providers, servers or plugins.
_FOREIGN = frozenset({"message", "reason", "warnings", "problems", "error", "title", "note"})


class UnwritableError(Exception):
    """Stdout cannot be written, for example because the disk is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write to stdout: {error.strerror or error}")


def prepare() -> None:
    """Make sure that the standard streams are open and can encode any text."""
    _open_standard_files()
    Stdout.used = False
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the process exits
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _open_standard_files() -> None:
    """Open file descriptors 0, 1 and 2 on the null device if the parent process closed them.

    Otherwise the next file opened, such as the ledger, would get that number, and output for stderr
    would end up in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


class Stdout:
    """The stream for results.

    While a command runs, ``sys.stdout`` and file descriptor 1 are redirected to stderr, so that
    output from a plugin or its child processes does not mix with the results.
    """

    _kept: TextIO | None = None
    used: ClassVar[bool] = False
    """Whether the command has written anything to it."""

    @classmethod
    def stream(cls) -> TextIO:
        """The real stdout."""
        return cls._kept or sys.stdout

    @classmethod
    @contextmanager
    def reserved(cls) -> Iterator[None]:
        """Reserve stdout for results within the context. Raises what ``flush`` raises."""
        if cls._kept is not None:
            yield
            return
        cls.used = False
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
                with suppress(OSError, ValueError):  # a failed write leaves data behind
                    own.close()


def _private_copy(stream: TextIO) -> TextIO | None:
    """Duplicate the process's stdout and redirect descriptor 1 to stderr; None for any other stream."""
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
    """Write text to stdout.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        UnwritableError: stdout cannot be written.
    """
    Stdout.used = True
    try:
        Stdout.stream().write(text)
    except OSError as error:
        raise _write_error(error) from None


class Batch:
    """Buffers text that is written in many pieces; the rest is written at the end, even after an error."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

    def write(self, text: str) -> None:
        """Adds a piece. Raises what ``write`` raises."""
        self._pieces.append(text)
        if len(self._pieces) == _PIECES:
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        write(text)


def flush() -> None:
    """Flush stdout. Raises what ``write`` raises."""
    try:
        Stdout.stream().flush()
    except OSError as error:
        raise _write_error(error) from None


def _write_error(error: OSError) -> Exception:
    """BrokenPipeError if the reader or the terminal is gone (EIO of a device), else UnwritableError."""
    device = error.errno == errno.EIO and stat.S_ISCHR(os.fstat(Stdout.stream().fileno()).st_mode)
    if device or isinstance(error, BrokenPipeError):
        return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    return UnwritableError(error)


def reader_is_gone() -> None:
    """Redirect stdout to the null device, so that the interpreter's final flush does not fail."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, Stdout.stream().fileno())
        os.close(nowhere)


def line(text: str = "") -> None:
    """Write a line to stdout; with -q, only if the command fails. Raises what ``write`` raises."""
    each_line((text,))


def each_line(texts: Iterable[str]) -> None:
    """Write many lines, like ``line`` each."""
    if HeldBack.active:
        for text in texts:
            HeldBack.add(shown(text))
        return
    with Batch() as batch:
        for text in texts:
            batch.write(f"{shown(text)}\n")


def lines(file: IO[str]) -> None:
    """Write the lines of a file, like ``line`` each."""
    if HeldBack.active:
        each_line(each.rstrip("\n") for each in file)
        return
    while text := file.read(_AT_ONCE):
        is_plain = text.replace("\n", "").isprintable()
        write(text if is_plain else "\n".join(map(shown, text.split("\n"))))


def shown(text: str) -> str:
    """A line as it is printed, without control characters: a path of the user may contain some, too."""
    return printable(text, own=True, coloured=not text.isprintable() and colours(Stdout.stream()))


class HeldBack:
    """Output held back by -q: written if the command fails, discarded if it succeeds."""

    active = False
    _first: ClassVar[list[str]] = []
    _more = 0

    @classmethod
    def start(cls, *, quiet: bool) -> None:
        """Start holding back output if ``quiet``."""
        cls.active, cls._first, cls._more = quiet, [], 0

    @classmethod
    def add(cls, text: str) -> None:
        """Hold back a line; keeps only the first 10,000."""
        if len(cls._first) < _MOST_HELD:
            cls._first.append(text)
        else:
            cls._more += 1

    @classmethod
    def end(cls, *, failed: bool) -> None:
        """Stop holding back; write the lines if the command failed. Raises what ``write`` raises."""
        if failed and cls._first:
            write("".join(f"{text}\n" for text in cls._first))
            if cls._more:
                write(f"and {cls._more:,} more lines; run without -q to see them\n")
        cls.start(quiet=False)


def as_json(value: Any) -> None:
    """Write a result as JSON: indented on a terminal, otherwise on one line."""
    write(
        json.dumps(
            _clean(value), indent=2 if is_terminal(Stdout.stream()) else None, ensure_ascii=False
        )
        + "\n"
    )


class Written(str):
    """An item that is already JSON, with all foreign text redacted; or several, see ``several``."""

    __slots__ = ()

    @classmethod
    def several(cls, items: Iterable[str]) -> Self:
        """Consecutive items, which are written together."""
        return cls(",\n  ".join(items))


Item = dict[str, Any] | Written


def stream_json(key: str, outer: Iterable[tuple[dict[str, Any], str, Iterable[Item]]]) -> None:
    """``{key: [{**head, inner: [item, ...]}, ...], "exit_code": 0}``, as a stream, in constant memory.

    If an error ends the stream, the document ends with its exit code and its problems.

    Args:
        key: the key of the outer list.
        outer: for each entry its head, the key of its inner list, and the items of that list.
    """
    write(f'{{"{key}": [')
    inside = False
    try:
        for number, (head, inner, items) in enumerate(outer):
            text = json.dumps(_clean(head), ensure_ascii=False)
            write(f'{"," if number else ""}\n{text[:-1]}, "{inner}": [')
            inside = True
            for place, item in enumerate(items):
                text = item if isinstance(item, Written) else item_text(item)
                write(f"{',' if place else ''}\n  {text}")
            write("]}")
            inside = False
    except BackhaulError as error:
        rest = json.dumps(_clean(end(error.exit_code, problems(error))), ensure_ascii=False)
        write(f"{']}' if inside else ''}], {rest[1:]}\n")
        raise
    write('], "exit_code": 0}\n')


def end(code: int, problems: Sequence[str]) -> dict[str, Any]:
    """The JSON of a command that ended without a result."""
    return {"exit_code": int(code), "problems": list(problems)}


def problems(error: BackhaulError) -> Sequence[str]:
    """What an error reports: all problems of a configuration, otherwise its message."""
    return error.problems if isinstance(error, ConfigError) else (error.message,)


def item_text(item: dict[str, Any]) -> str:
    """A list item as JSON, on one line."""
    return json.dumps(_foreign_only(item), ensure_ascii=False)


_SPACES = str.maketrans("\r\n\t", "   ")


def words(text: str) -> str:
    """Stored text, redacted and made printable: older ledgers may contain text that never was."""
    return printable(redact(text.translate(_SPACES)))


recurring = lru_cache(words)
"""Like ``words``, for texts that recur in many lines of a list."""


class Colours:
    """What ``--color`` says: ``auto``, ``always`` or ``never``."""

    wanted = "auto"


def colours(stream: TextIO) -> bool:
    """Whether to write in colour: with auto on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    if Colours.wanted != "auto":
        return Colours.wanted == "always"
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def look() -> "library.Look":
    """How to draw bars and maps on stdout."""
    stream = Stdout.stream()
    return library.Look.of(stream, colours=colours(stream))


def colour(text: str, name: str) -> str:
    """The text in colour, if results are written in colour."""
    if not colours(Stdout.stream()):
        return text
    return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m"


def is_terminal(stream: TextIO) -> bool:
    """Whether the stream is a terminal that understands control sequences."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def is_put_away(stream: TextIO) -> bool:
    """Whether the stream is redirected to a file or the null device, which shows no progress."""
    try:
        found, other = os.fstat(stream.fileno()), os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    nowhere = stat.S_ISCHR(found.st_mode) and not stream.isatty()
    return (nowhere or stat.S_ISREG(found.st_mode)) and not os.path.samestat(found, other)


def table(rows: Iterable[tuple[str, ...]], *, indent: str = "") -> Iterator[str]:
    """Rows as lines with aligned columns; the last column is not padded, and wraps on a terminal."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)] if kept else []
    for row in kept:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        start = indent + "".join(f"{cell}  " for cell in cells)
        for text in _wrapped(row[-1], len(start)):
            yield (start + text).rstrip()
            start = " " * len(start)


def _wrapped(text: str, used: int) -> list[str]:
    """The last cell of a row, wrapped at the width of the terminal."""
    if not (is_terminal(Stdout.stream()) or "COLUMNS" in os.environ):
        return [text]
    room = max(_LEAST, shutil.get_terminal_size().columns - used)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


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

"""Values of a page as JSON, on disk if there are many: memory does not grow with the archive."""

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

_AT_ONCE: Final = 1024  # values that are serialized together
_HELD: Final = 1 << 16  # bytes of a list in memory
_BLOCK: Final = 3 << 14  # bytes encoded as base64 together; a multiple of three
_GZIP: Final = 31  # zlib's window bits for a gzip header


def spooled(files: ExitStack) -> BinaryIO:
    """A temporary file, on disk if it is large; ``files`` closes it in the end."""
    made = SpooledTemporaryFile(_HELD)  # noqa: SIM115 - see above
    return cast("BinaryIO", files.enter_context(made))


class Values:
    """A JSON list that grows.

    Args:
        files: closes its file in the end.
        changed: transforms values, several at once, before they are stored.
    """

    def __init__(
        self, files: ExitStack, changed: Callable[[list[Any]], Iterable[Any]] | None = None
    ) -> None:
        self._changed = changed
        self._waiting: list[Any] = []
        self._file = spooled(files)
        self._empty = True

    def add(self, *values: Any) -> None:
        """Appends values."""
        self._waiting += values
        if len(self._waiting) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        values = self._waiting if self._changed is None else list(self._changed(self._waiting))
        self._waiting = []
        if values:
            text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)[1:-1]
            self._file.write((text if self._empty else f",{text}").encode())
            self._empty = False

    def text(self) -> Iterator[bytes]:
        """The list's JSON, which can be read once."""
        self._flush()
        self._file.seek(0)
        yield b"["
        while block := self._file.read(_BLOCK):
            yield block
        yield b"]"
        self._file.close()


class Runs:
    """A run-length encoded list: a value, its number of repetitions, the next value, ..."""

    def __init__(self, files: ExitStack) -> None:
        self._values = Values(files)
        self._value = 0
        self._times = 0

    def add(self, value: int, times: int = 1) -> None:
        """Appends a value."""
        if value == self._value:
            self._times += times
        elif times:
            self._end()
            self._value, self._times = value, times

    def _end(self) -> None:
        if self._times:
            self._values.add(self._value, self._times)

    def text(self) -> Iterator[bytes]:
        """The list's JSON, which can be read once."""
        self._end()
        self._times = 0
        return self._values.text()


def write_object(out: BinaryIO, parts: Iterable[tuple[str, Any]]) -> None:
    """Writes a JSON object as gzip in base64.

    Args:
        out: receives it.
        parts: keys and values; those with ``text()`` provide their own JSON.
    """
    packer = zlib.compressobj(6, wbits=_GZIP)
    write_base64(out, _packed(packer, _object(parts)))


def _object(parts: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
    start = b"{"
    for key, value in parts:
        yield start + json.dumps(key).encode() + b":"
        if isinstance(value, Values | Runs):
            yield from value.text()
        elif isinstance(value, tuple):
            yield from _object(value)
        else:
            yield json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        start = b","
    yield b"}" if start == b"," else b"{}"


def _packed(packer: "zlib._Compress", blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def write_base64(out: BinaryIO, blocks: Iterable[bytes]) -> None:
    """Writes blocks as a single base64 text."""
    waiting = b""
    for block in blocks:
        waiting += block
        if len(waiting) >= _BLOCK:
            whole = len(waiting) // 3 * 3
            out.write(base64.b64encode(waiting[:whole]))
            waiting = waiting[whole:]
    out.write(base64.b64encode(waiting))


def redacted(redact: Callable[[str], str], names: Sequence[str]) -> list[str]:
    """Names without secrets."""
    # All at once, since there may be very many; a name contains no line break.
    cleaned = redact("\n".join(names)).split("\n") if names else []
    return cleaned if len(cleaned) == len(names) else [redact(name) for name in names]

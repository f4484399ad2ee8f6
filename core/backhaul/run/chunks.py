"""What lies in the stored file of a queue, chunk by chunk, as far as it is whole."""

import os
import zlib
from collections.abc import Iterator

_BLOCK = 1 << 20


def member(data: bytes) -> bytes:
    """A chunk as it is stored in a gzip file."""
    engine = zlib.compressobj(6, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()


def whole_chunks(fd: int, start: int, *, gzipped: bool) -> Iterator[tuple[int, bytes]]:
    """Where each whole chunk ends, and its text; what is behind the last one was cut off.

    Of plain text the chunks are not known: it is given in blocks that end with a line.

    Args:
        fd: of the file.
        start: where a chunk begins.
        gzipped: whether each chunk is a gzip member.
    """
    return _members(fd, start) if gzipped else _lines(fd, start)


def where_to_cut(fd: int, start: int, data: bytes | None, *, gzipped: bool) -> int:
    """Up to where a stored file is to be kept that is longer than ``start``.

    Args:
        fd: of the file.
        start: up to where the ledger knows it.
        data: what the queue gives next, None at its end. If it begins as the rest does, all of that
            comes again: the rest is cut off. If not, it is kept as far as it is whole.
        gzipped: whether each chunk is a gzip member.
    """
    end = start
    again = None if data is None else memoryview(data)
    for end, text in whole_chunks(fd, start, gzipped=gzipped):  # noqa: B007 - the last one counts
        if again is None:
            continue
        size = min(len(again), len(text))
        if again[:size] != text[:size]:
            again = None
        elif size == len(again):
            return start
        else:
            again = again[size:]
    return start if again is not None else end


def _members(fd: int, place: int) -> Iterator[tuple[int, bytes]]:
    engine, text, end = zlib.decompressobj(31), bytearray(), place
    while block := os.pread(fd, _BLOCK, place):
        place += len(block)
        while block:
            try:
                text += engine.decompress(block)
            except zlib.error:
                return
            if not engine.eof:
                break
            block = engine.unused_data
            end = place - len(block)
            yield end, bytes(text)
            engine, text = zlib.decompressobj(31), bytearray()


def _lines(fd: int, place: int) -> Iterator[tuple[int, bytes]]:
    rest = b""
    while block := os.pread(fd, _BLOCK, place):
        place += len(block)
        text, line_end, behind = (rest + block).rpartition(b"\n")
        if line_end:
            yield place - len(behind), text + line_end
        rest = behind if line_end else rest + block

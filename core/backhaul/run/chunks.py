"""Reads complete chunks from the stored file of a queue."""

import os
import zlib
from collections.abc import Iterator

_BLOCK = 1 << 20


def member(data: bytes) -> bytes:
    """A chunk as a gzip member."""
    engine = zlib.compressobj(6, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()


def whole_chunks(fd: int, start: int, *, gzipped: bool) -> Iterator[tuple[int, bytes]]:
    """The end and text of each complete chunk; an incomplete last chunk is left out.

    Chunk boundaries are unknown in plain text: it is read in blocks that end with a line.

    Args:
        fd: the file.
        start: offset of a chunk.
        gzipped: whether each chunk is a gzip member.
    """
    return _members(fd, start) if gzipped else _lines(fd, start)


def where_to_cut(fd: int, start: int, data: bytes | None, *, gzipped: bool) -> int:
    """The length to which a stored file that is longer than ``start`` is truncated.

    Args:
        fd: the file.
        start: length according to the ledger.
        data: what the queue returns next; None at its end. If the excess begins with it, the queue will
            repeat all of it, and it is cut off. Otherwise all complete chunks are kept.
        gzipped: whether each chunk is a gzip member.
    """
    end = start
    again = None if data is None else memoryview(data)
    for end, text in whole_chunks(fd, start, gzipped=gzipped):  # noqa: B007 - uses the last end
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

"""Recovers records from a database that SQLite refuses to open, page by page.

Only what a record itself needs must be intact: its page header, its cell and its own header. Tables,
indexes, the schema and the file header may be lost. See "Database File Format" (sqlite.org).
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from backhaul.storage.opening import open_to_read

_USUAL = 4096
_SIZES = frozenset(1 << power for power in range(9, 17))
_LEAF, _ROWS_LEAF, _ROWS_INNER = 13, 10, 2  # table leaf; leaf and interior of WITHOUT ROWID tables
_INTS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_LONGEST = 1 << 28  # maximum bytes of a record
_WAL_HEAD, _FRAME_HEAD = 32, 24
_BAD = (IndexError, ValueError, struct.error)


class Pages:
    """The pages of a ledger, with newer versions taken from its write-ahead log.

    Attributes:
        lost: number of unreadable records.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(open_to_read(path), "rb")
        self.lost = 0
        head = self._file.read(100).ljust(100, b"\0")
        length = self._file.seek(0, 2)
        size = int.from_bytes(head[16:18], "big")
        self._size = size if size in _SIZES and length % size == 0 else _USUAL
        self._usable = self._size - (head[20] if head[20] <= 32 else 0)  # noqa: PLR2004 - SQLite's bound
        self._count = -(-length // self._size)
        wal = path.with_name(f"{path.name}-wal")
        self._wal: BinaryIO | None = os.fdopen(open_to_read(wal), "rb") if wal.exists() else None
        self._newer = self._frames() if self._wal is not None else {}
        self._free = set(self._free_pages(int.from_bytes(head[32:36], "big")))

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._wal is not None:
            self._wal.close()

    def records(self) -> Iterator[tuple[int | None, list[Any]]]:
        """Row id and values of each record, in page order; the id of WITHOUT ROWID records is None."""
        last = max((self._count, *self._newer))
        for number in range(1, last + 1):
            if number in self._free:
                continue
            page = self._page(number)
            start = 100 if number == 1 else 0
            kind = page[start] if len(page) > start else 0
            if kind not in {_LEAF, _ROWS_LEAF, _ROWS_INNER}:
                continue
            count = int.from_bytes(page[start + 3 : start + 5], "big")
            first = start + (12 if kind == _ROWS_INNER else 8)
            for place in range(first, min(first + 2 * count, len(page) - 1), 2):
                cell = int.from_bytes(page[place : place + 2], "big")
                try:
                    yield self._record(page, cell, kind)
                except _BAD:
                    self.lost += 1

    def _record(self, page: bytes, place: int, kind: int) -> tuple[int | None, list[Any]]:
        if kind == _ROWS_INNER:
            place += 4
        length, place = _varint(page, place)
        row = None
        if kind == _LEAF:
            row, place = _varint(page, place)
        return row, _values(self._payload(page, place, length, table=kind == _LEAF))

    def _payload(self, page: bytes, place: int, length: int, *, table: bool) -> bytes:
        usable = self._usable
        most = usable - 35 if table else (usable - 12) * 64 // 255 - 23
        if length > _LONGEST:
            raise ValueError("record too long")
        if length <= most:
            return _whole(page[place : place + length], length)
        least = (usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (usable - 4)
        here = here if here <= most else least
        data = bytearray(page[place : place + here])
        following = int.from_bytes(page[place + here : place + here + 4], "big")
        while following and len(data) < length:
            more = self._page(following)
            if not more:
                break
            data += more[4 : min(usable, 4 + length - len(data))]
            following = int.from_bytes(more[:4], "big")
        return _whole(bytes(data), length)

    def _page(self, number: int) -> bytes:
        if number in self._newer and self._wal is not None:
            self._wal.seek(self._newer[number])
            return self._wal.read(self._size)
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def _frames(self) -> dict[int, int]:
        """Offset in the log of each page's last committed version."""
        assert self._wal is not None  # noqa: S101 - checked by the caller
        salts = self._wal.read(_WAL_HEAD)[16:24]
        found: dict[int, int] = {}
        waiting: dict[int, int] = {}
        place = _WAL_HEAD
        while True:
            self._wal.seek(place)
            head = self._wal.read(_FRAME_HEAD)
            if len(head) < _FRAME_HEAD or head[8:16] != salts:
                return found
            number, committed = struct.unpack(">II", head[:8])
            waiting[number] = place + _FRAME_HEAD
            if committed:
                found.update(waiting)
                waiting.clear()
            place += _FRAME_HEAD + self._size

    def _free_pages(self, trunk: int) -> Iterator[int]:
        """Pages on the free list, which hold deleted data."""
        seen = set()
        while 0 < trunk <= self._count and trunk not in seen:
            seen.add(trunk)
            yield trunk
            page = self._page(trunk)
            trunk, count = struct.unpack(">II", page[:8].ljust(8, b"\0"))
            for place in range(8, min(8 + 4 * count, len(page) - 3), 4):
                yield int.from_bytes(page[place : place + 4], "big")


def _whole(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise ValueError("record is cut short")
    return data


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 127
        if byte < 128:  # noqa: PLR2004 - the high bit means that more bytes follow
            return value, place
    value = value << 8 | data[place]
    return value - (1 << 64) if value >> 63 else value, place + 1


def _values(data: bytes) -> list[Any]:
    """The values of a record. Raises ValueError, also for text that is not UTF-8."""
    head, place = _varint(data, 0)
    kinds = []
    while place < head:
        kind, place = _varint(data, place)
        kinds.append(kind)
    if place != head:
        raise ValueError("record header has the wrong length")
    values: list[Any] = []
    for kind in kinds:
        if kind in _INTS:
            size = _INTS[kind]
            values.append(
                int.from_bytes(_whole(data[place : place + size], size), "big", signed=True)
            )
        elif kind == 7:  # noqa: PLR2004 - SQLite's serial type for a float
            size = 8
            values.append(struct.unpack(">d", data[place : place + size])[0])
        elif kind >= 12:  # noqa: PLR2004 - as above
            size = (kind - 12) // 2
            found = _whole(data[place : place + size], size)
            values.append(found.decode() if kind % 2 else found)
        elif kind in {0, 8, 9}:
            size = 0
            values.append({0: None, 8: 0, 9: 1}[kind])
        else:
            raise ValueError("unknown serial type")
        place += size
    return values

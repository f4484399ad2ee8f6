"""The workspace for files of a store: small ones stay in memory until they are uploaded."""

import io
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Final

from backhaul.storage.parts import LocalParts

_MOST: Final = 16 << 20  # bytes in memory; further files are written to disk


class HeldParts(LocalParts):
    """See Workspace. A kill loses the files in memory, but no later run would resume them anyway."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        super().__init__(path, durable=durable)
        self._lock = Lock()
        self._held: dict[str, bytes] = {}
        self._size = 0
        self._on_disk = not self.was_empty

    def __reduce__(self) -> tuple[Any, ...]:
        """Other processes write to disk: this one publishes."""
        return partial(LocalParts, durable=self._durable), (self.path,)

    def write_part(self, name: str, data: bytes) -> None:
        """Keeps a complete verified part in memory, or writes it to disk."""
        self._forget(name)
        with self._lock:
            if self._size + len(data) <= _MOST:
                self._held[name] = data
                self._size += len(data)
                return
        self._on_disk = True
        super().write_part(name, data)

    def held(self, name: str) -> bytes | None:
        """A part in memory; None if it is on disk or does not exist."""
        return self._held.get(name)

    def new_part(self, name: str) -> int:
        self._forget(name)
        self._on_disk = True
        return super().new_part(name)

    def open_part(self, name: str, *, lasting: bool = False) -> int:
        self._write_down(name)
        self._on_disk = True
        return super().open_part(name, lasting=lasting)

    def part_length(self, name: str) -> int | None:
        """Size of a part; None if there is none."""
        data = self.held(name)
        return super().part_length(name) if data is None else len(data)

    def read_part(self, name: str) -> BinaryIO:
        data = self.held(name)
        return super().read_part(name) if data is None else io.BytesIO(data)

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        """Moves a part to a folder."""
        self._write_down(name)
        super().move_part(name, target, dir_fd=dir_fd)

    def rename_part(self, name: str, other: str) -> None:
        self._write_down(name)
        super().rename_part(name, other)

    def drop_part(self, name: str) -> None:
        if not self._forget(name) or self._on_disk:
            super().drop_part(name)

    def _write_down(self, name: str) -> None:
        data = self.held(name)
        if data is not None:
            self._on_disk = True
            super().write_part(name, data)
            self._forget(name)

    def _forget(self, name: str) -> bool:
        """Whether the part was in memory."""
        with self._lock:
            data = self._held.pop(name, None)
            if data is not None:
                self._size -= len(data)
        return data is not None

"""Atomic file writes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from backhaul.storage.opening import create, remove, replace
from backhaul.storage.place import sync_folder
from backhaul.storage.sync import sync

_BUFFER = 1 << 18


class AtomicFile:
    """Writes a file to ``<name>.part``, and renames it in ``commit``.

    As a context manager, it removes the part unless ``commit`` was called. All methods raise
    OSError.

    Args:
        name: the file's name.
        dir_fd: the folder that the name is relative to.
        durable: whether the file must survive a power failure.
    """

    def __init__(
        self, name: str | Path, *, dir_fd: int | None = None, durable: bool = True
    ) -> None:
        self.name = str(name)
        self._part = f"{name}.part"
        self._dir_fd = dir_fd
        self._durable = durable
        self._file = os.fdopen(create(self._part, dir_fd=dir_fd), "wb", _BUFFER)
        self.write = self._file.write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        remove(self._part, dir_fd=self._dir_fd)

    def close(self) -> None:
        """Syncs the part to disk."""
        if self._file.closed:
            return
        self._file.flush()
        if self._durable:
            sync(self._file.fileno())
        self._file.close()

    def commit(self) -> None:
        """Renames the part; the name is durable once the folder is synced."""
        self.close()
        replace(self._part, self.name, dir_fd=self._dir_fd)

    def withdraw(self) -> None:
        """Removes the existing file of that name."""
        remove(self.name, dir_fd=self._dir_fd)


def write_whole(path: Path, pieces: Iterable[bytes], *, durable: bool = True) -> None:
    """Writes a whole file. Raises OSError."""
    with AtomicFile(path, durable=durable) as file:
        for piece in pieces:
            file.write(piece)
        file.commit()
    if durable:
        sync_folder(path.parent)

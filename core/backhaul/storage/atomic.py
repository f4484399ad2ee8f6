"""Files that appear whole under their names, or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from backhaul.durable import sync_folder
from backhaul.storage.opening import create, remove, replace

_BUFFER = 1 << 18


class AtomicFile:
    """Bytes on their way to a file: gathered in ``<name>.part``, published by ``commit``.

    As a context it leaves nothing behind unless ``commit`` was called. All methods raise OSError.

    Args:
        name: of the file.
        dir_fd: the folder that the name is relative to.
        durable: whether what was written is to survive a power cut.
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
        """What was written is on disk, under the part's name still."""
        if self._file.closed:
            return
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._file.close()

    def commit(self) -> None:
        """Gives the file its name; to sync the folder makes the name last."""
        self.close()
        replace(self._part, self.name, dir_fd=self._dir_fd)

    def withdraw(self) -> None:
        """Removes the file of that name that is there."""
        remove(self.name, dir_fd=self._dir_fd)


def write_whole(path: Path, pieces: Iterable[bytes], *, durable: bool = True) -> None:
    """Writes a file in one go. Raises OSError."""
    with AtomicFile(path, durable=durable) as file:
        for piece in pieces:
            file.write(piece)
        file.commit()
    if durable:
        sync_folder(path.parent)

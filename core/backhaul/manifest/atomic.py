"""Files that appear whole under their names, or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from backhaul.durable import sync_folder

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
_BUFFER = 1 << 18


class AtomicFile:
    """Bytes on their way to a file: gathered in ``<name>.part``, published by ``commit``.

    As a context it leaves nothing behind unless ``commit`` was called. All methods raise OSError.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._durable = durable
        self._file = os.fdopen(os.open(self.part, _FLAGS, 0o666), "wb", _BUFFER)
        self.write = self._file.write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.part.unlink(missing_ok=True)

    def close(self) -> None:
        """What was written is on disk, under the part's name still."""
        if self._file.closed:
            return
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._file.close()

    def commit(self) -> None:
        """Gives the file its name; ``sync_folder`` makes the name last."""
        self.close()
        self.part.replace(self.path)


def write_whole(path: Path, pieces: Iterable[bytes], *, durable: bool = True) -> None:
    """Writes a file in one go. Raises OSError."""
    with AtomicFile(path, durable=durable) as file:
        for piece in pieces:
            file.write(piece)
        file.commit()
    if durable:
        sync_folder(path.parent)

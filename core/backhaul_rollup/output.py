"""An atomically written output, counted and hashed while it is written."""

import hashlib
import os
from pathlib import Path
from typing import Any, Self

from backhaul.commands import opening, sync_folder

Mark = tuple[int, Any]  # size and hash so far


class Output:
    """Collects bytes in ``_<name>.part``; ``publish`` renames it, durably.

    Data set readers skip files whose name begins with ``_``.

    As a context manager, it leaves nothing behind unless it was published. All methods raise OSError. It
    also has the methods of a file that pyarrow needs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"_{path.name}.part")
        self._fd = opening.create(self._part)
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.closed:
            self.close()
            opening.remove(self._part)

    def write(self, data: bytes) -> int:
        """Appends."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.size += len(view)
        rest = view
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        return len(view)

    def tell(self) -> int:
        """Number of bytes so far."""
        return self.size

    def flush(self) -> None:
        """Does nothing: output is not buffered."""

    def close(self) -> None:
        """Lets go."""
        if not self.closed:
            self.closed = True
            os.close(self._fd)

    def mark(self) -> Mark:
        """A position for ``rewind``."""
        return self.size, self._hash.copy()

    def rewind(self, mark: Mark) -> None:
        """Discards what was written after the mark."""
        self.size, kept = mark
        self._hash = kept.copy()
        os.ftruncate(self._fd, self.size)
        os.lseek(self._fd, self.size, os.SEEK_SET)

    @property
    def sha256(self) -> str:
        """Hex digest of the written bytes."""
        return self._hash.hexdigest()

    def publish(self) -> None:
        """Publishes the output atomically and durably."""
        os.fsync(self._fd)
        self.close()
        opening.replace(self._part, self.path)
        sync_folder(self.path.parent)

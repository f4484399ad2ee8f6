"""Copies of objects on local disk, for code that needs a path."""

from collections import deque
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from backhaul.storage.atomic import write_whole

_MOST: Final = 1 << 30  # maximum bytes to keep
_BLOCK: Final = 1 << 20


class Copies:
    """The newest copies, in a temporary folder below the workspace. Raises OSError."""

    def __init__(self, workspace: Path) -> None:
        workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = TemporaryDirectory(prefix="copies-", dir=workspace)
        self._made: deque[tuple[Path, int]] = deque()
        self._bytes = 0

    def copy(self, name: str, file: BinaryIO) -> Path:
        """Copies a file, evicting the oldest copies if necessary."""
        path = Path(self._folder.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, iter(partial(file.read, _BLOCK), b""), durable=False)
        size = path.stat().st_size
        self._made.append((path, size))
        self._bytes += size
        while self._bytes > _MOST and len(self._made) > 1:
            old, freed = self._made.popleft()
            self._bytes -= freed
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Removes them."""
        self._folder.cleanup()

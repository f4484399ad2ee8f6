"""Keeps a folder open, and checks that its path still leads there."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from backhaul.descriptors import patiently
from backhaul.storage.opening import open_folder

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class MovedError(OSError):
    """A path no longer leads to the folder that was opened; ``strerror`` says what happened."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.ESTALE, what)


class Handle:
    """A folder's descriptor; closed by ``close``, or when it is garbage-collected."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Closes the descriptor."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class Place:
    """A folder, opened by a path that may contain symbolic links. Raises OSError.

    Attributes:
        path: the path as given.
        fd: the folder's descriptor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = Handle(patiently(lambda: os.open(path, _FLAGS)))
        self._identity = identity(os.fstat(self.fd))

    @property
    def fd(self) -> int:
        """The descriptor."""
        return self._handle.fd

    @property
    def handle(self) -> Handle:
        """The handle; callers keep it while they use the descriptor."""
        return self._handle

    def close(self) -> None:
        """Closes the folder."""
        self._handle.close()

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to the folder, OSError."""
        try:
            if identity(self.path.stat()) == self._identity:
                return
        except (FileNotFoundError, NotADirectoryError):
            pass
        raise MovedError(f"{self.path} {self._what()}; put it back, then run again")

    def _what(self) -> str:
        now = ""
        with suppress(OSError):  # on systems without /proc
            now = os.readlink(f"/proc/self/fd/{self.fd}")  # noqa: PTH115 - no file, but what the kernel says
        gone = now.endswith(" (deleted)")
        link = None
        with suppress(OSError):
            link = os.readlink(self.path)  # noqa: PTH115 - beside the one above
        if link is not None:
            what = f"is a symbolic link to {link} now"
        elif self.path.exists():
            what = "is another folder now"
        else:
            what = "was removed" if gone else "was moved or renamed"
        at = f" (it is {now} now)" if now and not gone else ""
        return f"{what}: what came is in the folder that was there before{at}" if not gone else what


class Folders:
    """The folders below a place, opened without following symbolic links.

    Caches the most recently used descriptors until ``forget``; callers keep their Handle while they
    use it. Thread-safe.

    Args:
        root: the place.
        mode: mode of new folders.
    """

    _MOST = 8

    def __init__(self, root: Handle, *, mode: int = 0o777) -> None:
        self._root = root
        self._mode = mode
        self._kept: dict[str, Handle] = {}

    def get(self, folder: str, *, make: bool = False) -> Handle:
        """Opens a folder by its path below the place; ``""`` is the place itself.

        Raises InTheWayError if a part of the path is not a folder or is a symbolic link; OSError.
        """
        if not folder:
            return self._root
        kept = self._kept.get(folder)
        if kept is not None:
            return kept
        above, _, last = folder.rpartition("/")
        parent = self.get(above, make=make)
        if make:
            with suppress(FileExistsError):
                os.mkdir(last, self._mode, dir_fd=parent.fd)
        found = Handle(open_folder(last, dir_fd=parent.fd))
        if len(self._kept) >= self._MOST:
            self._kept.clear()
        self._kept[folder] = found
        return found

    def forget(self) -> dict[str, Handle]:
        """Clears the cache, so that folders are reopened when needed; returns its content."""
        kept, self._kept = self._kept, {}
        return kept


def identity(found: os.stat_result) -> tuple[int, int]:
    """Identifies an open file or folder."""
    return found.st_dev, found.st_ino

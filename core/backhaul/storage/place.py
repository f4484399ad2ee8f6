"""Folders: keeps one open and checks that its path still leads there; creates and syncs them durably."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from backhaul.descriptors import patiently
from backhaul.storage.opening import open_folder
from backhaul.storage.sync import sync

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
        handle: holds the descriptor; callers keep it while they use the descriptor.
        fd: the folder's descriptor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle = Handle(patiently(lambda: os.open(path, _FLAGS)))
        self._identity = identity(os.fstat(self.fd))

    @property
    def fd(self) -> int:
        """The descriptor."""
        return self.handle.fd

    def close(self) -> None:
        """Closes the folder."""
        self.handle.close()

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
            now = os.readlink(f"/proc/self/fd/{self.fd}")  # noqa: PTH115 - a link of the kernel's, not a file
        gone = now.endswith(" (deleted)")
        link = None
        with suppress(OSError):
            link = os.readlink(self.path)  # noqa: PTH115 - like the one above
        if link is not None:
            what = f"is now a symbolic link to {link}"
        elif self.path.exists():
            what = "is now another folder"
        else:
            what = "was removed" if gone else "was moved or renamed"
        at = f" (it is now {now})" if now and not gone else ""
        return f"{what}: the received data is in the previous folder{at}" if not gone else what


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


def sync_folder(path: Path) -> None:
    """Makes a folder's entries survive a power failure. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Creates a folder and its parents so that they survive a power failure. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    for each in missing:
        sync_folder(each.parent)

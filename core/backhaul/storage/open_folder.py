"""A job's folder, kept open: the base of local workspaces and local destinations."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from backhaul.storage.opening import create, entries_of, remove
from backhaul.storage.place import Folders, Handle, Place, make_folder
from backhaul.storage.sync import sync


class OpenFolder:
    """A job's folder and its subfolders. All methods raise OSError.

    The path may contain symbolic links when it is opened; from then on, it must lead to the same
    folder. Below it, symbolic links are not followed when writing, and files must be regular
    files: otherwise InTheWayError is raised, without blocking.

    Args:
        path: the folder's path; created if it does not exist.
        durable: whether files must survive a power failure.

    Attributes:
        was_empty: whether the folder was empty when it was opened.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        if durable:
            make_folder(path)
        else:
            path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._place = Place(path)
        self._folders = Folders(self._place.handle)
        with entries_of(self.dir_fd) as entries:
            self.was_empty = next(entries, None) is None
        self._durable = durable
        self._mode = 0o666 & ~_umask()
        self._settled = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Other processes open the folder by its path."""
        return partial(type(self), durable=self._durable), (self.path,)

    @property
    def dir_fd(self) -> int:
        """The folder's descriptor."""
        return self._place.fd

    def close(self) -> None:
        """Closes the folder."""
        self._folders.forget()
        self._place.close()

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to this folder."""
        self._place.check()

    def _sync_folders(self, below: set[str]) -> None:
        sync(self.dir_fd)
        for folder in below:
            where = self._folders.get(folder)
            sync(where.fd)

    def _create(self, name: str, *, mode: int = 0o666) -> int:
        where, last = self._at(name, make=True)
        return create(last, dir_fd=where.fd, mode=mode)

    def _at(self, name: str, *, make: bool = False) -> tuple[Handle, str]:
        """The folder of a file, and its name in it."""
        if "/" not in name:
            return self._place.handle, name
        folder, _, last = name.rpartition("/")
        return self._folders.get(folder, make=make), last

    def _remove(self, name: str, endings: Iterable[str]) -> None:
        try:
            where, last = self._at(name)
        except FileNotFoundError:
            return
        for ending in endings:
            remove(last + ending, dir_fd=where.fd)


def folders_of(name: str) -> set[str]:
    """All parent folders of a file."""
    folder = name.rpartition("/")[0]
    found = set()
    while folder:
        found.add(folder)
        folder = folder.rpartition("/")[0]
    return found


_STATUS = Path("/proc/self/status")


def _umask() -> int:
    """The umask, without changing it for other threads: on Linux the current one, elsewhere that at import time."""
    found = _from_proc()
    return _AT_FIRST if found is None else found


def _from_proc() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_bytes().splitlines():
            if line.startswith(b"Umask:"):  # proc(5)
                return int(line.split()[1], 8)
    return None


def _by_setting() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


_AT_FIRST = 0 if _from_proc() is not None else _by_setting()

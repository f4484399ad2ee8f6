"""A job's folder, held open: what a local workspace and a local destination share."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from backhaul.durable import make_folder
from backhaul.storage.opening import create, entries_of, remove
from backhaul.storage.place import Folders, Handle, Place
from backhaul.storage.umask import umask


class OpenFolder:
    """A job's folder and those below it. All methods raise OSError.

    The path may lead through symbolic links when it is opened; from then on it has to lead to the
    same folder. Below it, nothing is written through a link, and files are regular files: where
    something else has the name of one, InTheWayError says so, and nothing waits.

    Args:
        path: of the folder, which is made when it is not there.
        durable: whether what is written in it is to survive a power cut.

    Attributes:
        was_empty: there was nothing in it when it was opened.
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
        self._mode = 0o666 & ~umask()
        self._settled = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the same folder by its path."""
        return partial(type(self), durable=self._durable), (self.path,)

    @property
    def dir_fd(self) -> int:
        """The folder's own descriptor."""
        return self._place.fd

    def close(self) -> None:
        """Lets go of the folder."""
        self._folders.forget()
        self._place.close()

    def check(self) -> None:
        """Raises MovedError when its path does not lead here any more."""
        self._place.check()

    def _sync_folders(self, below: set[str]) -> None:
        os.fsync(self.dir_fd)
        for folder in below:
            where = self._folders.get(folder)
            os.fsync(where.fd)

    def _create(self, name: str, *, mode: int = 0o666) -> int:
        where, last = self._at(name, make=True)
        return create(last, dir_fd=where.fd, mode=mode)

    def _at(self, name: str, *, make: bool = False) -> tuple[Handle, str]:
        """The folder that a file lies in, and its name there."""
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
    """All folders on the way to a file."""
    folder = name.rpartition("/")[0]
    found = set()
    while folder:
        found.add(folder)
        folder = folder.rpartition("/")[0]
    return found

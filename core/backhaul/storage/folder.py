"""A job's folder: parts are written beside their final names and published in groups."""

import errno
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from backhaul.durable import make_folder
from backhaul.storage.sync import sync_files, syncfs
from backhaul.storage.umask import umask

PART = ".part"
SIDECAR = ".part.json"
_NEW_SIDECAR = SIDECAR + PART  # an ending that no provider's file may have
_ENDINGS = (_NEW_SIDECAR, SIDECAR, PART)
# Errors that another name would not meet.
BY_NAME = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG}
)
_MOST = 1 << 24  # bytes of a sidecar
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


class JobFolder:
    """Files of one job, by name relative to ``<dest>/<job>``. All methods raise OSError.

    The one place that knows where bytes land; a store in a cloud would be another class with the
    same methods. Nothing is ever written under a final name: ``write_part`` or ``open_part``
    first, ``publish`` when verified. ``was_empty``: there was nothing in it when it was opened.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        if durable:
            make_folder(path)
        else:
            path.mkdir(parents=True, exist_ok=True)
        self.path = path
        with os.scandir(path) as entries:
            self.was_empty = next(entries, None) is None
        self._durable = durable
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._mode = 0o666 & ~umask()
        self._made: set[str] = set()
        self._settled = False

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._fd)

    def size(self, name: str) -> int | None:
        """Bytes of a published file; None when there is none."""
        try:
            return os.stat(name, dir_fd=self._fd).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, name: str) -> int:
        """A published file's descriptor, for reading."""
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole unpublished file that is verified; it has its final mode from the start."""
        try:
            fd = self._open_in_folder(name + PART, _NEW | os.O_EXCL, 0o666)
        except FileExistsError:  # what an earlier run left
            self._unlink(name + PART)
            fd = self._open_in_folder(name + PART, _NEW | os.O_EXCL, 0o666)
        try:
            _write_all(fd, data)
        finally:
            os.close(fd)

    def open_part(self, name: str, *, lasting: bool = False) -> int:
        """An unpublished file's descriptor, for reading and writing; made when it is not there.

        ``lasting``: its name survives a power cut, like the content that is synced.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = self._open_in_folder(name + PART, flags)
        if lasting and self._durable:
            try:
                self._sync_folders(_folders(name))
            except OSError:
                os.close(fd)
                raise
        return fd

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        """Writes down what an unpublished file is bound to: the old words or the new, never half.

        ``sync``: the new ones survive a power cut.
        """
        fd = self._open_in_folder(name + _NEW_SIDECAR, _NEW)
        try:
            _write_all(fd, data)
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        os.rename(name + _NEW_SIDECAR, name + SIDECAR, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        if sync:
            self._sync_folders(_folders(name))

    def read_sidecar(self, name: str) -> bytes | None:
        """What an unpublished file is bound to."""
        try:
            fd = os.open(name + SIDECAR, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read(_MOST)

    def read_part(self, name: str) -> BinaryIO:
        """An unpublished file, for reading."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(name + PART, flags, dir_fd=self._fd), "rb")

    def move_part(self, name: str, target: Path) -> None:
        """Gives an unpublished file, which only its owner may read, to a place on the same disk."""
        os.rename(name + PART, target, src_dir_fd=self._fd)

    def drop_part(self, name: str) -> None:
        """Forgets an unpublished file."""
        for suffix in (PART, SIDECAR, _NEW_SIDECAR):
            self._unlink(name + suffix)

    def beside(self, name: str) -> Iterator[str]:
        """Names of all files in the folder that a file of that name would lie in."""
        folder = name.rpartition("/")[0]
        try:
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield f"{folder}/{entry.name}" if folder else entry.name
        except FileNotFoundError:
            return

    def parts(self) -> Iterator[tuple[str, bool]]:
        """Names of all files of which something unpublished is here; and whether that is a sidecar."""
        below = [""]
        while below:
            folder = below.pop()
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    if entry.name.endswith(_ENDINGS):
                        ending = next(each for each in _ENDINGS if entry.name.endswith(each))
                        yield folder + entry.name.removesuffix(ending), ending == SIDECAR
                    elif entry.is_dir(follow_symlinks=False):
                        below.append(f"{folder}{entry.name}/")

    def settle(self, name: str) -> None:
        """Makes a file durable that was found under its name, whoever wrote it."""
        if not self._durable or self._settled:
            return
        if syncfs is not None:
            syncfs(self._fd)  # and with it all others that were here
            self._settled = True
            return
        fd = self.open(name)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        self._sync_folders(_folders(name))

    def adopt(self, alias: str, name: str) -> None:
        """Gives a file that an earlier tool stored under another spelling its proper name."""
        self._make_folders(name)
        os.rename(alias, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def publish(
        self,
        names: Sequence[str],
        *,
        opened: Collection[str] = (),
        synced: Collection[str] = (),
    ) -> list[tuple[str, OSError]]:
        """Gives verified parts their final names, durably, all in one group.

        Content first, then names, then the folders: whoever sees a final name sees the whole file,
        after a power cut too. Says which names are taken by folders, and so cannot be had.
        Parts that cannot be synced are dropped, all of the group: to sync them once more might
        succeed and still prove nothing.

        Args:
            names: what is to be published.
            opened: those of the names whose parts came by ``open_part``.
            synced: those whose content is durable already.
        """
        refused: list[tuple[str, OSError]] = []
        if not names:
            return refused
        if self._durable:
            self._sync_parts([name for name in names if name not in synced])
        folders: set[str] = set()
        for name in opened:
            os.chmod(name + PART, self._mode, dir_fd=self._fd)
        for name in names:
            part = name + PART
            try:
                os.rename(part, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError as error:
                if error.errno not in BY_NAME:
                    raise
                refused.append((name, error))
                self._unlink(part)
            folders |= _folders(name)
        for name in opened:
            self._unlink(name + SIDECAR)
            self._unlink(name + _NEW_SIDECAR)
        if self._durable:
            self._sync_folders(folders)
        return refused

    def _sync_parts(self, names: Sequence[str]) -> None:
        try:
            sync_files(self._fd, [name + PART for name in names])
        except OSError:
            for name in names:
                self.drop_part(name)
            raise

    def _sync_folders(self, below: set[str]) -> None:
        os.fsync(self._fd)
        for folder in below:
            fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def _open_in_folder(self, name: str, flags: int, mode: int = 0o600) -> int:
        if "/" in name:
            self._make_folders(name)
        return os.open(name, flags, mode, dir_fd=self._fd)

    def _make_folders(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if folder and folder not in self._made:
            (self.path / folder).mkdir(parents=True, exist_ok=True)
            self._made.add(folder)

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._fd)
        except (FileNotFoundError, NotADirectoryError):
            return


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


def _folders(name: str) -> set[str]:
    """All folders on the way to a file."""
    folder = name.rpartition("/")[0]
    found = set()
    while folder:
        found.add(folder)
        folder = folder.rpartition("/")[0]
    return found

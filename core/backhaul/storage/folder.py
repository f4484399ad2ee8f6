"""A job's folder: parts are written beside their final names and published in groups."""

import errno
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from backhaul.durable import make_folder
from backhaul.storage.naming import finish_rename, rename_new
from backhaul.storage.opening import (
    InTheWayError,
    create,
    entries_of,
    open_to_read,
    open_to_write,
    refuse_others,
    regular,
    remove,
    replace,
    size_in,
)
from backhaul.storage.place import Folders, Handle, Place, identity
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
Refused = tuple[str, OSError]


class JobFolder:
    """Files of one job, by name relative to ``<dest>/<job>``. All methods raise OSError.

    The one place that knows where bytes land; a store in a cloud would be another class with the
    same methods. Nothing is ever written under a final name: ``write_part`` or ``open_part``
    first, ``publish`` when verified. ``was_empty``: there was nothing in it when it was opened.

    The path may lead through symbolic links when it is opened; from then on it has to lead to the
    same folder. Below it, nothing is written through a link, and files are regular files: where
    something else has the name of one, InTheWayError says so, and nothing waits.
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

    def size(self, name: str) -> int | None:
        """Bytes of a published file; None when there is none."""
        return size_in(self._place.handle.fd, name)

    def holds(self, name: str, sha256: str | None) -> bool:
        """Whether a published file has those bytes, by reading it."""
        with open(self.open(name), "rb") as file:  # noqa: PTH123 - a descriptor
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def open(self, name: str) -> int:
        """A published file's descriptor, for reading."""
        return open_to_read(name, dir_fd=self.dir_fd)

    def refuse_others(self, name: str) -> None:
        """Raises InTheWayError when something that is not a file has a final name."""
        where, last = self._at(name, make=True)
        refuse_others(last, dir_fd=where.fd)

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole unpublished file that is verified; it has its final mode from the start."""
        part = name + PART
        where = self._place.handle if "/" not in name else self._at(part, make=True)[0]
        fd = create(part.rpartition("/")[2], dir_fd=where.fd)
        try:
            written = os.write(fd, data)
            if written < len(data):
                _write_all(fd, data[written:])
        finally:
            os.close(fd)

    def new_part(self, name: str) -> int:
        """The descriptor of a new unpublished file, for reading and writing; an older one is dropped."""
        return self._create(name + PART, mode=0o600)

    def open_part(self, name: str, *, lasting: bool = False) -> int:
        """An unpublished file's descriptor, for reading and writing; made when it is not there.

        ``lasting``: its name survives a power cut, like the content that is synced.
        """
        where, last = self._at(name + PART, make=True)
        fd = open_to_write(last, dir_fd=where.fd)
        if lasting and self._durable:
            try:
                self._sync_folders(_folders(name))
            except OSError:
                os.close(fd)
                raise
        return fd

    def part_size(self, name: str) -> int:
        """Bytes of an unpublished file that can be resumed; 0 when there is none.

        Nor can one that is a hard link: to write to it would change the file of the other name.
        """
        found = regular(name + PART, dir_fd=self.dir_fd)
        return found.st_size if found is not None and found.st_nlink == 1 else 0

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        """Writes down what an unpublished file is bound to: the old words or the new, never half.

        ``sync``: the new ones survive a power cut.
        """
        fd = self._create(name + _NEW_SIDECAR, mode=0o600)
        try:
            _write_all(fd, data)
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        where, last = self._at(name)
        replace(last + _NEW_SIDECAR, last + SIDECAR, dir_fd=where.fd)
        if sync:
            self._sync_folders(_folders(name))

    def read_sidecar(self, name: str) -> bytes | None:
        """What an unpublished file is bound to."""
        try:
            fd = open_to_read(name + SIDECAR, dir_fd=self.dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read(_MOST)

    def read_part(self, name: str) -> BinaryIO:
        """An unpublished file, for reading."""
        return os.fdopen(open_to_read(name + PART, dir_fd=self.dir_fd), "rb")

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        """Gives an unpublished file, which only its owner may read, to a folder on the same disk."""
        where, last = self._at(name + PART)
        os.rename(last, target, src_dir_fd=where.fd, dst_dir_fd=dir_fd)

    def drop_part(self, name: str) -> None:
        """Forgets an unpublished file."""
        self._remove(name, (PART, SIDECAR, _NEW_SIDECAR))

    def beside(self, name: str) -> Iterator[str]:
        """Names of all files in the folder that a file of that name would lie in."""
        folder = name.rpartition("/")[0]
        with suppress(FileNotFoundError):
            where = self._folders.get(folder)
            with entries_of(where.fd) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield f"{folder}/{entry.name}" if folder else entry.name

    def parts(self) -> Iterator[tuple[str, bool]]:
        """Names of all files of which something unpublished is here; and whether that is a sidecar."""
        below = [""]
        while below:
            folder = below.pop()
            where = self._folders.get(folder.removesuffix("/"))
            with entries_of(where.fd) as entries:
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
            syncfs(self.dir_fd)  # and with it all others that were here
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
        old, old_last = self._at(alias)
        new, last = self._at(name, make=True)
        refuse_others(last, dir_fd=new.fd)
        os.rename(old_last, last, src_dir_fd=old.fd, dst_dir_fd=new.fd)

    def publish(
        self,
        names: Sequence[str],
        *,
        opened: Collection[str] = (),
        synced: Collection[str] = (),
        overwrite: bool = True,
    ) -> list[Refused]:
        """Gives verified parts their final names, durably, all in one group.

        Content first, then names, then the folders: whoever sees a final name sees the whole file,
        after a power cut too. Says which names are taken by something else, and so cannot be had.
        Parts that cannot be synced are dropped, all of the group: to sync them once more might
        succeed and still prove nothing.

        Args:
            names: what is to be published.
            opened: those of the names whose parts came by ``open_part``.
            synced: those whose content is durable already.
            overwrite: whether an older file of that name gives way. If not, FileExistsError is raised
                for a name that is taken, and the part stays.

        Raises:
            MovedError: the folder's path does not lead here any more; nothing was published.
            OSError: the disk failed.
        """
        if not names:
            return []
        self.check()
        refused = list(self._look_for_folders(names))
        away = {name for name, _ in refused}
        if away:
            names = [name for name in names if name not in away]
        if self._durable:
            self._sync_parts([name for name in names if name not in synced])
        opened = frozenset(opened)
        refused += self._name(names, opened, overwrite=overwrite)
        for name in names:
            if name in opened:
                self._remove(name, (SIDECAR, _NEW_SIDECAR))
        if self._durable:
            self._sync_folders({folder for name in names for folder in _folders(name)})
        return refused

    def _name(
        self, names: Iterable[str], opened: Collection[str], *, overwrite: bool
    ) -> Iterator[Refused]:
        """Gives parts their final names; gives those that cannot have them."""
        for name in names:
            where, last = self._at(name)
            try:
                if name in opened:
                    self._open_up(last, where)
                if not overwrite:
                    rename_new(where.fd, last + PART, last)
                    continue
                if not self.was_empty:  # else nothing but what came since can have the name
                    refuse_others(last, dir_fd=where.fd)
                os.rename(last + PART, last, src_dir_fd=where.fd, dst_dir_fd=where.fd)
            except FileNotFoundError:
                gone = f"{name}{PART} was moved or removed while it waited to be published"
                yield name, FileNotFoundError(errno.ENOENT, gone)
            except OSError as error:
                if not overwrite or error.errno not in BY_NAME:
                    raise
                yield name, error
                remove(last + PART, dir_fd=where.fd)

    def _look_for_folders(self, names: Iterable[str]) -> Iterator[Refused]:
        """Names that lie in folders which are not those any more that their parts were written to."""
        before = self._folders.forget()
        good: dict[str, OSError | None] = {}
        for name in names:
            folder = name.rpartition("/")[0]
            if folder and folder not in good:
                good[folder] = self._why_not(folder, before.get(folder))
            if folder and (why := good[folder]) is not None:
                yield name, why

    def _why_not(self, folder: str, before: Handle | None) -> OSError | None:
        try:
            now = self._folders.get(folder)
        except FileNotFoundError:
            return InTheWayError(
                f"the folder {folder} was moved or removed while files came into it"
            )
        except InTheWayError as error:
            return error
        if before is None or identity(os.fstat(before.fd)) == identity(os.fstat(now.fd)):
            return None
        return InTheWayError(f"the folder {folder} was replaced while files came into it")

    def _open_up(self, last: str, where: Handle) -> None:
        """Gives a part, which only its owner could read, its final mode."""
        fd = open_to_read(last + PART, dir_fd=where.fd)
        try:
            os.fchmod(fd, self._mode)
        finally:
            os.close(fd)

    def finish(self, name: str) -> None:
        """Ends what a kill has interrupted: a part that has its final name as well loses the other."""
        try:
            where, last = self._at(name)
        except FileNotFoundError:
            return
        if finish_rename(where.fd, last + PART, last) and self._durable:
            self._sync_folders(_folders(name))

    def rename_part(self, name: str, other: str) -> None:
        """Gives an unpublished file another one's name beside it, which is free. Raises FileExistsError."""
        where, last = self._at(name)
        rename_new(where.fd, last + PART, other.rpartition("/")[2] + PART)

    def _sync_parts(self, names: Sequence[str]) -> None:
        try:
            sync_files(self.dir_fd, names, self._reader)
        except OSError:
            for name in names:
                self.drop_part(name)
            raise

    def _reader(self, name: str) -> int:
        where, last = self._at(name)
        return open_to_read(last + PART, dir_fd=where.fd)

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

"""A local workspace: the parts of a job's files, in the folder where a local destination publishes them."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from backhaul.storage.naming import rename_new
from backhaul.storage.open_folder import OpenFolder, folders_of
from backhaul.storage.opening import (
    create,
    entries_of,
    open_to_read,
    open_to_write,
    regular,
    replace,
)
from backhaul.storage.workspace import PART, SIDECAR

NEW_SIDECAR = SIDECAR + PART  # an ending that no provider's file may have
_ENDINGS = (NEW_SIDECAR, SIDECAR, PART)
_MOST = 1 << 24  # bytes of a sidecar


class LocalParts(OpenFolder):
    """See Workspace."""

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
                self._sync_folders(folders_of(name))
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

    def part_length(self, name: str) -> int | None:
        """Bytes of an unpublished file, whether or not it can be resumed; None when there is none."""
        found = regular(name + PART, dir_fd=self.dir_fd)
        return None if found is None else found.st_size

    def part_taken(self, name: str) -> int:
        """Bytes that an unpublished file takes on the disk, holes not counted; 0 when there is none."""
        found = regular(name + PART, dir_fd=self.dir_fd)
        return 0 if found is None else found.st_blocks * 512

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        """Writes down what an unpublished file is bound to: the old words or the new, never half.

        ``sync``: the new ones survive a power cut.
        """
        fd = self._create(name + NEW_SIDECAR, mode=0o600)
        try:
            _write_all(fd, data)
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        where, last = self._at(name)
        replace(last + NEW_SIDECAR, last + SIDECAR, dir_fd=where.fd)
        if sync:
            self._sync_folders(folders_of(name))

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
        return os.fdopen(open_to_read(name + PART, dir_fd=self.dir_fd), "rb", 0)

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        """Gives an unpublished file, which only its owner may read, to a folder on the same disk."""
        where, last = self._at(name + PART)
        os.rename(last, target, src_dir_fd=where.fd, dst_dir_fd=dir_fd)

    def drop_part(self, name: str) -> None:
        """Forgets an unpublished file."""
        self._remove(name, (PART, SIDECAR, NEW_SIDECAR))

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

    def rename_part(self, name: str, other: str) -> None:
        """Gives an unpublished file another one's name beside it, which is free. Raises FileExistsError."""
        where, last = self._at(name)
        rename_new(where.fd, last + PART, other.rpartition("/")[2] + PART)


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])

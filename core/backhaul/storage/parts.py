"""A local workspace: the parts of a job's files, in the folder of its local destination."""

import os
from collections.abc import Iterator, Sequence
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
from backhaul.storage.sync import sync_data, sync_files
from backhaul.storage.workspace import PART, SIDECAR

NEW_SIDECAR = SIDECAR + PART  # a suffix that provider files cannot have
_ENDINGS = (NEW_SIDECAR, SIDECAR, PART)
_MOST = 1 << 24  # maximum size of a sidecar


class LocalParts(OpenFolder):
    """See Workspace."""

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole verified part; it has its final mode from the start."""
        part = name + PART
        where = self._place.handle if "/" not in name else self._at(part, make=True)[0]
        fd = create(part.rpartition("/")[2], dir_fd=where.fd)
        try:
            _write_all(fd, data)
        finally:
            os.close(fd)

    def held(self, name: str) -> bytes | None:
        """None: parts are on disk."""
        del name
        return None

    def new_part(self, name: str) -> int:
        return self._create(name + PART, mode=0o600)

    def open_part(self, name: str, *, lasting: bool = False) -> int:
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
        found = regular(name + PART, dir_fd=self.dir_fd)
        return found.st_size if found is not None and found.st_nlink == 1 else 0

    def part_length(self, name: str) -> int | None:
        found = regular(name + PART, dir_fd=self.dir_fd)
        return None if found is None else found.st_size

    def part_taken(self, name: str) -> int:
        found = regular(name + PART, dir_fd=self.dir_fd)
        return 0 if found is None else found.st_blocks * 512

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        fd = self._create(name + NEW_SIDECAR, mode=0o600)
        try:
            _write_all(fd, data)
            if sync:
                sync_data(fd)
        finally:
            os.close(fd)
        where, last = self._at(name)
        replace(last + NEW_SIDECAR, last + SIDECAR, dir_fd=where.fd)
        if sync:
            self._sync_folders(folders_of(name))

    def read_sidecar(self, name: str) -> bytes | None:
        try:
            fd = open_to_read(name + SIDECAR, dir_fd=self.dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read(_MOST)

    def read_part(self, name: str) -> BinaryIO:
        return os.fdopen(open_to_read(name + PART, dir_fd=self.dir_fd), "rb", 0)

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        where, last = self._at(name + PART)
        os.rename(last, target, src_dir_fd=where.fd, dst_dir_fd=dir_fd)

    def take_over(self, name: str, other: "LocalParts", *, bound: bool = False) -> None:
        """Takes a part from another workspace on the same file system.

        Args:
            name: the file's.
            other: the workspace.
            bound: with its sidecar, so that it can be resumed.

        Raises:
            FileNotFoundError: the other one has no such part.
        """
        there, last = other._at(name)  # noqa: SLF001 - of the same class
        where, _ = self._at(name, make=True)
        for ending in (PART, SIDECAR) if bound else (PART,):
            os.rename(last + ending, last + ending, src_dir_fd=there.fd, dst_dir_fd=where.fd)

    def drop_part(self, name: str) -> None:
        self._remove(name, (PART, SIDECAR, NEW_SIDECAR))

    def sync_parts(self, names: Sequence[str]) -> None:
        sync_files(self.dir_fd, names, self._reader)

    def _reader(self, name: str) -> int:
        where, last = self._at(name)
        return open_to_read(last + PART, dir_fd=where.fd)

    def parts(self) -> Iterator[tuple[str, bool]]:
        below = [""]
        while below:
            folder = below.pop()
            where = self._folders.get(folder.removesuffix("/"))
            with entries_of(where.fd) as entries:
                for entry in entries:
                    name = entry.name
                    if name.endswith(_ENDINGS):
                        ending = next(each for each in _ENDINGS if name.endswith(each))
                        yield folder + name.removesuffix(ending), ending == SIDECAR
                    elif entry.is_dir(follow_symlinks=False):
                        below.append(f"{folder}{name}/")

    def rename_part(self, name: str, other: str) -> None:
        where, last = self._at(name)
        rename_new(where.fd, last + PART, other.rpartition("/")[2] + PART)


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])

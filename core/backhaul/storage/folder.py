"""A local destination: publishes parts by renaming them, in groups."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from backhaul.storage.atomic import AtomicFile
from backhaul.storage.destination import BY_NAME, F, Refused, Staged
from backhaul.storage.lease import Lease
from backhaul.storage.location import STATE
from backhaul.storage.naming import finish_rename, rename_new
from backhaul.storage.open_folder import folders_of
from backhaul.storage.opening import (
    InTheWayError,
    entries_of,
    open_to_read,
    refuse_others,
    regular,
    remove,
    size_in,
)
from backhaul.storage.parts import NEW_SIDECAR, LocalParts
from backhaul.storage.place import Handle, identity
from backhaul.storage.sync import sync, syncfs
from backhaul.storage.workspace import PART, SIDECAR

if TYPE_CHECKING:
    from backhaul.storage.stored import Stored

_BLOCK = 1 << 20


class JobFolder(LocalParts):
    """A Destination that is also a Workspace, since parts are renamed within one file system."""

    is_remote = False

    @property
    def url(self) -> str:
        return str(self.path)

    def etag(self, name: str) -> None:
        """None: a folder has no versions of a file's content."""

    def digest(self, name: str) -> None:
        """None: a folder keeps no digests."""
        del name

    def kept(self, names: Sequence[str]) -> Sequence[None]:
        """None for each: a folder keeps no metadata with its files."""
        return [None] * len(names)

    def lease(self) -> Lease:
        """Locks the job for this process. Raises LockedError, DiskError."""
        return Lease(self.path.parent / STATE, self.path.name)

    def clean(self) -> None:
        """Nothing to do: publishing to a folder leaves only parts behind."""

    def free(self) -> int:
        """Free space for this user, in bytes."""
        found = os.fstatvfs(self.dir_fd)
        return found.f_bavail * found.f_frsize

    def size(self, name: str) -> int | None:
        return size_in(self._place.handle.fd, name)

    def holds(self, name: str, sha256: str | None) -> bool:
        """Whether a published file has this content; reads the file."""
        with self.open(name) as file:
            found = hashlib.sha256()
            while block := file.read(_BLOCK):
                found.update(block)
        return found.hexdigest() == sha256

    def ahead(self, files: Iterable[F]) -> Iterator[F]:
        """The same files; the operating system reads ahead."""
        return iter(files)

    def open(self, name: str) -> BinaryIO:
        return os.fdopen(open_to_read(name, dir_fd=self.dir_fd), "rb", 0)

    def listing(self, prefix: str = "") -> Iterator[str]:
        """Names of all files with a prefix, including parts and documents, folder by folder."""
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            below = Path(folder).relative_to(self.path)
            found = ((below / file).as_posix() for file in sorted(files))
            yield from (name for name in found if name.startswith(prefix))

    def beside(self, name: str) -> Iterator[str]:
        folder = name.rpartition("/")[0]
        with suppress(FileNotFoundError):
            where = self._folders.get(folder)
            with entries_of(where.fd) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield f"{folder}/{entry.name}" if folder else entry.name

    def refuse_others(self, name: str) -> None:
        where, last = self._at(name, make=True)
        refuse_others(last, dir_fd=where.fd)

    def settle(self, name: str) -> None:
        if not self._durable or self._settled:
            return
        if syncfs is not None:
            syncfs(self.dir_fd)  # this also syncs all other existing files
            self._settled = True
            return
        with self.open(name) as file:
            sync(file.fileno())
        self._sync_folders(folders_of(name))

    def adopt(self, alias: str, name: str) -> None:
        old, old_last = self._at(alias)
        new, last = self._at(name, make=True)
        refuse_others(last, dir_fd=new.fd)
        os.rename(old_last, last, src_dir_fd=old.fd, dst_dir_fd=new.fd)

    def document(self, name: str) -> AtomicFile:
        return AtomicFile(name, dir_fd=self.dir_fd, durable=self._durable)

    def stamp(self, name: str) -> tuple[int, int] | None:
        found = regular(name, dir_fd=self.dir_fd)
        return None if found is None else (found.st_size, found.st_mtime_ns)

    def sync(self) -> None:
        if self._durable:
            sync(self.dir_fd)

    def remove_empty(self) -> None:
        self.path.rmdir()

    def local_path(self, name: str) -> Path:
        return self.path / name

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        """Durably publishes verified parts as one group; see Destination.

        Syncs the content, renames, then syncs the folders: a final name always has the whole file,
        even after a power failure. If a part cannot be synced, the whole group is removed: a second
        sync might succeed without having written the data.
        """
        if not staged:
            return []
        self.check()
        refused = list(self._look_for_folders([each.name for each in staged]))
        away = {name for name, _ in refused}
        if away:
            staged = [each for each in staged if each.name not in away]
        if self._durable:
            self._sync_parts([each.name for each in staged if not each.synced])
        refused += self._name(staged, overwrite=overwrite)
        for each in staged:
            if each.opened:
                self._remove(each.name, (SIDECAR, NEW_SIDECAR))
        if self._durable:
            self._sync_folders({folder for each in staged for folder in folders_of(each.name)})
        return refused

    def _name(self, staged: Iterable[Staged], *, overwrite: bool) -> Iterator[Refused]:
        """Renames parts to their final names; returns those that cannot be renamed."""
        for name, _, _, opened, *_ in staged:
            where, last = self._at(name)
            try:
                if opened:
                    self._open_up(last, where)
                if not overwrite:
                    rename_new(where.fd, last + PART, last)
                    continue
                if not self.was_empty:  # otherwise only files of this run can have the name
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
        """Names whose folders were replaced since their parts were written."""
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
                f"the folder {folder} was moved or removed while files were written to it"
            )
        except InTheWayError as error:
            return error
        if before is None or identity(os.fstat(before.fd)) == identity(os.fstat(now.fd)):
            return None
        return InTheWayError(f"the folder {folder} was replaced while files were written to it")

    def _open_up(self, last: str, where: Handle) -> None:
        """Gives a part, so far readable only by its owner, its final mode."""
        fd = open_to_read(last + PART, dir_fd=where.fd)
        try:
            os.fchmod(fd, self._mode)
        finally:
            os.close(fd)

    def created(self, found: "Sequence[Stored]") -> None:
        """Nothing to do: workers publish only to stores."""

    def finish(self, name: str) -> None:
        """Completes an interrupted publication: removes the part if the file has its final name too."""
        try:
            where, last = self._at(name)
        except FileNotFoundError:
            return
        if finish_rename(where.fd, last + PART, last) and self._durable:
            self._sync_folders(folders_of(name))

    def _sync_parts(self, names: Sequence[str]) -> None:
        try:
            self.sync_parts(names)
        except OSError:
            for name in names:
                self.drop_part(name)
            raise

"""Workspaces, which hold partial files and locks on a local disk, and the free space there."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

PART: Final = ".part"
SIDECAR: Final = ".part.json"
_LEASES = "leases"


class Workspace(Protocol):
    """The unpublished files of one job. All methods raise OSError, and are thread-safe.

    A later run can resume a part that has a sidecar, which says what the part is bound to.
    """

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to this folder."""

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole verified part."""

    def held(self, name: str) -> bytes | None:
        """A complete verified part in memory; None if it is on disk or does not exist."""

    def new_part(self, name: str) -> int:
        """Opens a new part for reading and writing; an older one is removed."""
        ...

    def open_part(self, name: str, *, lasting: bool = False) -> int:
        """Opens a part for reading and writing; creates it if necessary.

        ``lasting``: its name survives a power failure, like its synced content.
        """
        ...

    def part_size(self, name: str) -> int:
        """Size of a part that can be resumed; 0 if there is none.

        A hard link cannot be resumed: writing to it would change the file under its other name.
        """
        ...

    def part_length(self, name: str) -> int | None:
        """Size of a part, whether or not it can be resumed; None if there is none."""

    def part_taken(self, name: str) -> int:
        """Disk space used by a part, not counting holes; 0 if there is none."""
        ...

    def read_part(self, name: str) -> BinaryIO:
        """Opens a part for reading, unbuffered."""
        ...

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        """Atomically records what a part is bound to.

        ``sync``: the new record survives a power failure.
        """

    def read_sidecar(self, name: str) -> bytes | None:
        """What a part is bound to; None if there is no record."""

    def sync_parts(self, names: Sequence[str]) -> None:
        """Makes the content of parts durable."""

    def parts(self) -> Iterator[tuple[str, bool]]:
        """Names of all files that have a part or sidecar, and whether it is a sidecar."""
        ...

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        """Moves a part, readable only by its owner, to a folder on the same file system."""

    def rename_part(self, name: str, other: str) -> None:
        """Renames a part to an unused name in the same folder. Raises FileExistsError."""

    def drop_part(self, name: str) -> None:
        """Removes a part and its sidecar."""

    def close(self) -> None:
        """Closes the workspace."""


def lease_path(workspace: Path, job: str) -> Path:
    """The job's lock file."""
    return workspace / _LEASES / job


def leased(workspace: Path) -> list[str]:
    """Names of all jobs that have a lock file. Raises OSError."""
    folder = workspace / _LEASES
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def free(place: Path) -> int:
    """Free space for this user on a folder's disk, in bytes. Raises OSError."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def free_at(path: Path) -> int | None:
    """Like ``free``, for a folder that may not exist yet; None if unknown."""
    for place in (path, *path.parents):
        with suppress(OSError):
            return free(place)
    return None

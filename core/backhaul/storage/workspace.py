"""The interface of workspaces, which hold a job's partial files on a local disk."""

from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

PART: Final = ".part"
SIDECAR: Final = ".part.json"


class Workspace(Protocol):
    """The unpublished files of one job. All methods raise OSError, and are thread-safe.

    A later run can resume a part that has a sidecar, which says what the part is bound to.
    """

    def check(self) -> None:
        """Raises MovedError if the path no longer leads to this folder."""

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole verified part."""

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

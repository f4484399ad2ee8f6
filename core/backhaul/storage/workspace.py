"""Where the files of a job are while they come: on a local disk, whatever their destination is."""

from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

PART: Final = ".part"
SIDECAR: Final = ".part.json"


class Workspace(Protocol):
    """The unpublished files of one job. All methods raise OSError; from any thread.

    A part may be resumed by a later run if there is a sidecar beside it, which says what its bytes
    are bound to.
    """

    def check(self) -> None:
        """Raises MovedError when its path does not lead here any more."""

    def write_part(self, name: str, data: bytes) -> None:
        """Writes a whole part that is verified."""

    def new_part(self, name: str) -> int:
        """The descriptor of a new part, for reading and writing; an older one is dropped."""
        ...

    def open_part(self, name: str, *, lasting: bool = False) -> int:
        """A part's descriptor, for reading and writing; made when it is not there.

        ``lasting``: its name survives a power cut, like the content that is synced.
        """
        ...

    def part_size(self, name: str) -> int:
        """Bytes of a part that can be resumed; 0 when there is none.

        Nor can one that is a hard link: to write to it would change the file of the other name.
        """
        ...

    def part_length(self, name: str) -> int | None:
        """Bytes of a part, whether or not it can be resumed; None when there is none."""

    def part_taken(self, name: str) -> int:
        """Bytes that a part takes on the disk, holes not counted; 0 when there is none."""
        ...

    def read_part(self, name: str) -> BinaryIO:
        """A part, for reading; unbuffered."""
        ...

    def write_sidecar(self, name: str, data: bytes, *, sync: bool = False) -> None:
        """Writes down what a part is bound to: the old words or the new, never half.

        ``sync``: the new ones survive a power cut.
        """

    def read_sidecar(self, name: str) -> bytes | None:
        """What a part is bound to; None: nothing says so."""

    def parts(self) -> Iterator[tuple[str, bool]]:
        """Names of all files of which something unpublished is here; and whether that is a sidecar."""
        ...

    def move_part(self, name: str, target: str, *, dir_fd: int) -> None:
        """Gives a part, which only its owner may read, to a folder on the same disk."""

    def rename_part(self, name: str, other: str) -> None:
        """Gives a part another file's name beside it, which is free. Raises FileExistsError."""

    def drop_part(self, name: str) -> None:
        """Forgets a part and its sidecar."""

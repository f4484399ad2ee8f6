"""Where the verified files of a job land, whatever that is: what the rest of backhaul knows of it."""

import errno
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, Self

# Errors that another name would not meet.
BY_NAME = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG}
)


class Staged(NamedTuple):
    """A verified file that has no final name yet; all of it is in the workspace's part.

    Attributes:
        name: of the file, relative to the job.
        size: bytes; None: not known.
        sha256: of them; None: not known.
        opened: its part came by ``Workspace.open_part`` or ``new_part``.
        synced: its content is durable already.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    opened: bool = False
    synced: bool = False


Refused = tuple[str, OSError]
"""A name that cannot be had, and why."""


SizeOf = Callable[[str], int | None]
"""Returns the size of a file by name; None if there is none."""


class Document(Protocol):
    """A file of ours that appears whole, or not at all; nothing is left behind without ``commit``."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, data: bytes, /) -> object:
        """Adds bytes. Raises OSError."""

    def commit(self) -> None:
        """Gives it its name; see ``Destination.sync``. Raises OSError."""

    def withdraw(self) -> None:
        """Removes the one of that name that is there. Raises OSError."""


class Destination(Protocol):
    """The files of one job under their final names. All methods raise OSError; from any thread.

    Nothing lies under a final name but whole, proven files; and nothing else is ever written there
    than by ``publish``, ``adopt`` and ``finish``. Names are relative POSIX paths.
    """

    @property
    def url(self) -> str:
        """Where it is, for people: a path, or the URL of a store."""
        ...

    @property
    def was_empty(self) -> bool:
        """Whether there was nothing in it when it was opened."""
        ...

    def check(self) -> None:
        """Raises MovedError when it is not any more what it was when it was opened."""

    def free(self) -> int | None:
        """Bytes that still fit; None where there is no telling."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None when there is none."""

    def holds(self, name: str, sha256: str | None) -> bool:
        """Whether a file has those bytes."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A file, for reading; unbuffered."""
        ...

    def listing(self, prefix: str = "") -> Iterator[str]:
        """Names of all files that begin with a prefix, parts and documents too."""
        ...

    def beside(self, name: str) -> Iterator[str]:
        """Names of all files that lie where a file of that name would."""
        ...

    def refuse_others(self, name: str) -> None:
        """Raises InTheWayError when something that is not a file has a final name."""

    def settle(self, name: str) -> None:
        """Makes a file durable that was found under its name, whoever wrote it."""

    def adopt(self, alias: str, name: str) -> None:
        """Gives a file that an earlier tool stored under another spelling its proper name."""

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        """Gives verified files their final names; durable when it returns, all in one group.

        Says which names are taken by something else, and so cannot be had. Parts whose content cannot
        be made durable are dropped, all of the group.

        Args:
            staged: the files.
            overwrite: whether an older file of that name gives way. If not, FileExistsError is raised
                for a name that is taken, and the part stays.

        Raises:
            MovedError: see ``check``; nothing was published.
            OSError: nothing more can be written there.
        """
        ...

    def finish(self, name: str) -> None:
        """Ends what a kill has interrupted while a file was published."""

    def document(self, name: str) -> Document:
        """A new file of ours beside those of the provider."""
        ...

    def stamp(self, name: str) -> tuple[int, int] | None:
        """What changes when a document is written again; None when there is none."""

    def sync(self) -> None:
        """Makes the documents durable that were committed."""

    def remove_empty(self) -> None:
        """Removes the destination if there is nothing in it."""

    def local_path(self, name: str) -> Path:
        """A path at which other code can read a file."""
        ...

    def close(self) -> None:
        """Lets go of it."""


def no_size(_name: str) -> None:
    """The size of a file where there is no destination yet."""


def sizes(destination: Destination | None) -> SizeOf:
    """The sizes of the files of a destination, which may not exist yet."""
    return no_size if destination is None else destination.size

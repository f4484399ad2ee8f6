"""The interface of destinations, which store the verified files of a job."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from backhaul.storage.stored import Stored

# Errors that affect all names alike.
BY_NAME = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG}
)


class Staged(NamedTuple):
    """A verified file that is complete in the workspace, but not published yet.

    Attributes:
        name: the file's name, relative to the job.
        size: in bytes; None: unknown.
        sha256: hex digest; None: unknown.
        opened: whether its part was opened by ``Workspace.open_part`` or ``new_part``.
        synced: whether its content is already durable.
        known: whether a file of this name was verified before, so that it may be replaced. A
            store refuses to replace any other object, unless it has the same sha256; a folder replaces
            any file.
        records, proof, content, footer_lines: what a store keeps with the file: the number of records,
            what showed that the file is whole, and what it was read as.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    opened: bool = False
    synced: bool = False
    known: bool = False
    records: int | None = None
    proof: str = ""
    content: str = ""
    footer_lines: int = 0


class JobLease(Protocol):
    """A job that is locked for this process."""

    def release(self) -> None:
        """Releases the job."""


Refused = tuple[str, OSError]
"""A name that cannot be used, and why."""


SizeOf = Callable[[str], int | None]
"""Returns the size of a file by name; None if there is none."""


class Document(Protocol):
    """An atomically written file of backhaul's own; discarded unless ``commit`` is called."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, data: bytes, /) -> object:
        """Appends bytes. Raises OSError."""

    def commit(self) -> None:
        """Gives the file its name; see ``Destination.sync``. Raises OSError."""

    def withdraw(self) -> None:
        """Removes the existing file of that name. Raises OSError."""


class Named(Protocol):
    """A file as the ledger knows it."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int | None: ...


F = TypeVar("F", bound=Named)


class Destination(Protocol):
    """The published files of one job. All methods raise OSError, and are thread-safe.

    Final names only ever hold complete, verified files, and are only written by ``publish``,
    ``adopt`` and ``finish``. Names are relative POSIX paths.
    """

    @property
    def url(self) -> str:
        """The location, for messages: a path, or the URL of a store."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether publishing takes long, as to a store. Existing objects are listed on first use."""
        ...

    @property
    def was_empty(self) -> bool:
        """Whether the destination was empty when it was opened."""
        ...

    def etag(self, name: str) -> str | None:
        """The store's version of a file's content (its ETag); None for a folder."""

    def digest(self, name: str) -> str | None:
        """A store's current record of an object: the sha256 it was published with, else its ETag.

        None if it does not exist, and for a folder.
        """

    def kept(self, names: Sequence[str]) -> "Sequence[Stored | None]":
        """The metadata that a store keeps with each of these files; None for files in a folder."""
        ...

    def lease(self) -> JobLease:
        """Locks the job for all users of the destination. Raises LockedError, DiskError, StoreError."""
        ...

    def clean(self) -> None:
        """Removes what interrupted uploads of this job left in the store; nothing in a folder."""

    def check(self) -> None:
        """Raises MovedError if the folder was replaced since it was opened.

        LockedError if another workspace has taken over the job, in a store.
        """

    def free(self) -> int | None:
        """Free space in bytes; None if unknown."""

    def size(self, name: str) -> int | None:
        """Size of a file; None if it does not exist."""

    def holds(self, name: str, sha256: str | None) -> bool:
        """Whether a file has this content."""
        ...

    def ahead(self, files: Iterable[F]) -> Iterator[F]:
        """The same files, each of which is opened before the next is taken: a store fetches them ahead."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading, unbuffered."""
        ...

    def listing(self, prefix: str = "") -> Iterator[str]:
        """Names of all files with a prefix, including parts and documents."""
        ...

    def beside(self, name: str) -> Iterator[str]:
        """Names of all files in the folder that a file of that name belongs in."""
        ...

    def refuse_others(self, name: str) -> None:
        """Raises InTheWayError if a final name belongs to something other than a file."""

    def settle(self, name: str) -> None:
        """Makes an existing file durable, whoever wrote it."""

    def adopt(self, alias: str, name: str) -> None:
        """Renames a file that an earlier tool stored under another name."""

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        """Gives verified files their final names, as one group; durable when it returns.

        Returns the names that cannot be used because something else has them. If a part cannot be
        made durable, all parts of the group are removed.

        Args:
            staged: the files.
            overwrite: whether to replace existing files. If not, FileExistsError is raised for a
                name that is taken, and the part is kept.

        Raises:
            MovedError, LockedError: see ``check``; nothing was published.
            OSError: the destination cannot be written.
        """
        ...

    def created(self, found: "Sequence[Stored]") -> None:
        """Notes files that workers have published in a store."""

    def finish(self, name: str) -> None:
        """Completes the publication of a file that was interrupted by a kill."""

    def document(self, name: str) -> Document:
        """Creates one of backhaul's own files next to the provider's."""
        ...

    def stamp(self, name: str) -> object:
        """A value that changes when a document is rewritten; None if it does not exist.

        It can be written as JSON, and read back equal.
        """

    def sync(self) -> None:
        """Makes committed documents durable."""

    def remove_empty(self) -> None:
        """Removes the destination if it is empty."""

    def local_path(self, name: str) -> Path:
        """A path at which a file can be read."""
        ...

    def close(self) -> None:
        """Closes the destination."""

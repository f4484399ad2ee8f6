"""The context of a job's transfers."""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from backhaul.http.pacing import SourcePace
from backhaul.storage.destination import SizeOf
from backhaul.storage.location import Location
from backhaul.storage.workspace import Workspace
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, Problem, RemoteFile

Keep = Callable[[bytes | None], None]
"""Keeps the given bytes or, if None, those in the file's part. Called on a worker; never raises."""


class Found(NamedTuple):
    """The provider's check of a complete file.

    Attributes:
        problem: why the file is not accepted; None if it is.
        warnings: further remarks.
    """

    problem: Problem | None = None
    warnings: tuple[str, ...] = ()


class Rejects(Protocol):
    """Keeps rejected bytes."""

    def __call__(
        self, transfer: Transfer, failure: Failure, own: Collection[str], /
    ) -> Keep | None:
        """Returns a function that keeps a transfer's bytes; None if they are not kept.

        ``own``: the request's secrets (see ``redact.own_values``).
        """

    def of(self, workspace: Workspace | None) -> "Rejects":
        """The same for another workspace; None if that is not known yet."""
        ...


class Elsewhere(NamedTuple):
    """What workers on other machines need to know of a job.

    Attributes:
        dest: the archive.
        name: the job's name.
        provider: name of its provider.
        label: the provider's plugin with its version, for messages.
        credentials: whether requests that carry credentials may be sent there.
        size_of: size of what is published, by name; only used on this machine.
    """

    dest: Location
    name: str
    provider: str
    label: str
    credentials: bool
    size_of: SizeOf


class JobContext(NamedTuple):
    """A job, as seen by those who carry out its transfers. Can be pickled for another process.

    Attributes:
        workspace: where its parts are stored.
        check: the provider's check of a file, for a worker; None if there is none.
        rejected: keeps rejected bytes; None if they are not kept.
        pace: the source's own, for all its requests together.
        elsewhere: what workers on other machines need to know; None if none are used.
        expected: number of files that will probably be submitted, if that is known before the list.
    """

    workspace: Workspace
    check: Callable[[RemoteFile, Content], Found] | None = None
    rejected: Rejects | None = None
    pace: SourcePace | None = None
    elsewhere: Elsewhere | None = None
    expected: int = 0

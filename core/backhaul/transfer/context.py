"""The context of a job's transfers."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from backhaul.http.pacing import SourcePace
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


class JobContext(NamedTuple):
    """A job, as seen by those who carry out its transfers. Can be pickled for another process.

    Attributes:
        workspace: where its parts are stored.
        check: the provider's check of a file, for a worker; None if there is none.
        rejected: returns a function that keeps rejected bytes, or None. Called with the transfer, the
            failure and the request's secrets (see ``redact.own_values``).
        pace: the source's own, for all its requests together.
    """

    workspace: Workspace
    check: Callable[[RemoteFile, Content], Found] | None = None
    rejected: Callable[[Transfer, Failure, Collection[str]], Keep | None] | None = None
    pace: SourcePace | None = None

"""What the transfers of a job need to know of it."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from backhaul.storage.workspace import Workspace
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, Problem, RemoteFile

Keep = Callable[[bytes | None], None]
"""Keeps bytes, or what is in the file's part when they are None; for a worker, and raises nothing."""


class Found(NamedTuple):
    """What a provider says of a file that came whole.

    Attributes:
        problem: why it is not what it should be; None: it is.
        warnings: what else there is to say.
    """

    problem: Problem | None = None
    warnings: tuple[str, ...] = ()


class JobContext(NamedTuple):
    """One job, for whoever carries out its transfers.

    Attributes:
        workspace: where its parts go.
        check: the provider's look at a file, for a worker; None: it takes none.
        rejected: gives what keeps bytes that came and are not the file, or None. It is told the
            transfer, what is wrong, and what is secret of the request (see ``redact.own_values``).
    """

    workspace: Workspace
    check: Callable[[RemoteFile, Content], Found] | None = None
    rejected: Callable[[Transfer, Failure, Collection[str]], Keep | None] | None = None

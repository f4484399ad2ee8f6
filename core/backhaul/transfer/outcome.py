"""Outcomes of transfers: small values that any process could send."""

from typing import TYPE_CHECKING, NamedTuple

from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content

if TYPE_CHECKING:
    from backhaul.storage.stored import Stored


class Done(NamedTuple):
    """A verified file whose complete content is in its part.

    Attributes:
        transfer: the transfer.
        content: the verifier's result.
        validator: the server's validator.
        proof: what proves that the file is whole, as Proof bits.
        opened: its part was written piece by piece, see Staged.
        warnings: the provider's remarks about the accepted file.
        stored: the object as which a worker has stored it; None if it is not published yet.
    """

    transfer: Transfer
    content: Content
    validator: str | None
    proof: int
    opened: bool
    warnings: tuple[str, ...] = ()
    stored: "Stored | None" = None


class Unchanged(NamedTuple):
    """A file that has not changed since it was received with its validator."""

    transfer: Transfer


class Failed(NamedTuple):
    """A file that could not be fetched."""

    transfer: Transfer
    failure: Failure


class Stale(NamedTuple):
    """A link that has expired; the file may be submitted again with a fresh one.

    Attributes:
        transfer: the transfer.
        failure: the server's response.
        gained: bytes received with the link.
    """

    transfer: Transfer
    failure: Failure
    gained: int


class Retrying(NamedTuple):
    """An attempt that failed and will be retried; the transfer is still active.

    Attributes:
        transfer: the transfer.
        failure: why the attempt failed.
        pause: minimum seconds until the next attempt.
    """

    transfer: Transfer
    failure: Failure
    pause: float


class Withdrawn(NamedTuple):
    """Transfers that had not started when their job withdrew them.

    Attributes:
        job, names: which.
        kept: those of which received data is kept.
        given_back: not withdrawn by their job, but left to another process.
    """

    job: str
    names: frozenset[str]
    kept: frozenset[str] = frozenset()
    given_back: bool = False


def given_back(transfer: Transfer) -> Withdrawn:
    """A transfer that another process will carry out."""
    return Withdrawn(transfer.job, frozenset([transfer.file.name]), given_back=True)


def is_given_back(outcome: "Outcome") -> bool:
    """Whether other processes will carry out these transfers."""
    return type(outcome) is Withdrawn and outcome.given_back


Outcome = Done | Unchanged | Failed | Stale | Retrying | Withdrawn

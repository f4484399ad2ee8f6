"""What becomes of a transfer: small values that any process could send."""

from typing import NamedTuple

from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content


class Done(NamedTuple):
    """A verified file; all of it is in its part.

    Attributes:
        transfer: what was asked for.
        content: what the verifier saw.
        validator: the server's.
        proof: what shows that it is whole, as bits of Proof.
        opened: its part was written piece by piece, see Staged.
        warnings: what the provider says of it, though it is right.
    """

    transfer: Transfer
    content: Content
    validator: str | None
    proof: int
    opened: bool
    warnings: tuple[str, ...] = ()


class Unchanged(NamedTuple):
    """A file with a validator has not changed since it came with that."""

    transfer: Transfer


class Failed(NamedTuple):
    """A file that could not be had."""

    transfer: Transfer
    failure: Failure


class Stale(NamedTuple):
    """A link that has expired; the file may be submitted again with a fresh one.

    Attributes:
        transfer: what was asked for.
        failure: what the server said.
        gained: bytes that came with the link.
    """

    transfer: Transfer
    failure: Failure
    gained: int


class Retrying(NamedTuple):
    """An attempt that failed, and is followed by another; the transfer is still under way.

    Attributes:
        transfer: what was asked for.
        failure: why the attempt failed.
        pause: seconds until the next one, at the earliest.
    """

    transfer: Transfer
    failure: Failure
    pause: float


class Withdrawn(NamedTuple):
    """Transfers that had not begun when their job took them back."""

    job: str
    names: frozenset[str]


Outcome = Done | Unchanged | Failed | Stale | Retrying | Withdrawn

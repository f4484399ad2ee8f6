"""A job's position in the queue: subscription and cursor, as one string for the ledger."""

from dataclasses import dataclass

_MARK = ":"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a subscription's queue.

    Attributes:
        subscription: owner of the queue; a cursor is meaningless in any other.
        cursor: DataSift's cursor, to send with the next pull; None if a pull without a cursor may
            have been made whose response was not stored.
    """

    subscription: str
    cursor: str | None = None

    def __str__(self) -> str:
        return f"{self.subscription}{_MARK}{self.cursor or ''}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """Parse a position written by ``str()``."""
        subscription, _, cursor = text.partition(_MARK)
        return cls(subscription, cursor or None)

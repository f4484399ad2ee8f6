"""Where in the queue a job is: the subscription and DataSift's cursor, as one text for the ledger."""

from dataclasses import dataclass

_MARK = ":"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a subscription's queue.

    Attributes:
        subscription: whose queue; a cursor means nothing in another one.
        cursor: DataSift's cursor, to be sent with the next pull; None: a pull without a cursor may
            have been sent, and what it answered was not stored.
    """

    subscription: str
    cursor: str | None = None

    def __str__(self) -> str:
        return f"{self.subscription}{_MARK}{self.cursor or ''}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """The position that ``str()`` wrote."""
        subscription, _, cursor = text.partition(_MARK)
        return cls(subscription, cursor or None)

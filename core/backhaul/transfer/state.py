"""Where a transfer stands."""

from enum import Enum, auto


class State(Enum):
    """The states of a transfer; it is in exactly one, from its submission until its end."""

    QUEUED = auto()
    """It may begin: it waits for a free connection, or until its job is no longer paused."""
    ACTIVE = auto()
    """It has a connection; or it is in pieces, which connections fetch as they become free."""
    BACKOFF = auto()
    """An attempt failed; the next one begins at a set time."""
    VERIFYING = auto()
    """All its bytes are here, and a worker proves them."""
    PARKED = auto()
    """It was taken back; what has arrived is kept until it is submitted again or forgotten."""
    PUBLISHING = auto()
    """It is proven, and has no final name yet."""


UNDER_WAY = (State.ACTIVE, State.BACKOFF, State.VERIFYING, State.PUBLISHING)

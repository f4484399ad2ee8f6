"""States of a transfer."""

from enum import Enum, auto


class State(Enum):
    """The states of a transfer, which is in exactly one from submission to its end."""

    QUEUED = auto()
    """Ready to start: waits for a free connection, or until its job is no longer paused."""
    ACTIVE = auto()
    """Has a connection; or is segmented and fetched as connections become free."""
    BACKOFF = auto()
    """An attempt failed; the next one starts at a set time."""
    VERIFYING = auto()
    """Complete; a worker is verifying it."""
    PARKED = auto()
    """Withdrawn; received data is kept until it is submitted again or forgotten."""
    PUBLISHING = auto()
    """Verified, but not published."""


UNDER_WAY = (State.ACTIVE, State.BACKOFF, State.VERIFYING, State.PUBLISHING)

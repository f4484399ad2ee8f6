"""What all ways of telling others have in common."""

from typing import Protocol

from backhaul.events import Event
from backhaul.run.result import RunResult


class Notice(Protocol):
    """Tells somebody about the jobs of a configuration, in a thread of its own.

    Attributes:
        busy: whether there is still something to do.
        patience: seconds after the run has ended until the rest is given up; infinite for those with
            time limits of their own.
    """

    @property
    def busy(self) -> bool: ...

    @property
    def patience(self) -> float: ...

    def __call__(self, event: Event) -> None:
        """Takes an event of one of the jobs; never blocks."""

    def over(self, result: RunResult | None) -> None:
        """No more events follow.

        Args:
            result: of the run; None if it ended with an exception.
        """

    def close(self) -> None:
        """Gives up what is left, and says so."""

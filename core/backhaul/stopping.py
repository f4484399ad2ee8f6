"""Ends calls of the API from another thread."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from backhaul.errors import InterruptedRunError

T = TypeVar("T")

Stopped: TypeAlias = Callable[[], bool]
"""Whether a call is to end. Quick; called between blocks of a file and between records."""


class Stopping:
    """Stops the calls that have begun; those that begin later are not affected. Thread-safe."""

    def __init__(self) -> None:
        self._times = 0

    def stop(self) -> None:
        """Ends the calls that have begun."""
        self._times += 1

    def begin(self) -> Stopped:
        """Begins a call."""
        times = self._times
        return lambda: self._times != times


def never() -> bool:
    """A call that nothing stops."""
    return False


def heed(stopped: Stopped) -> None:
    """Raises InterruptedRunError if the call is to end."""
    if stopped():
        raise InterruptedRunError("stopped; call it again to resume")


def each_until(stopped: Stopped, items: Iterable[T]) -> Iterator[T]:
    """The items, until the call is to end. Raises InterruptedRunError."""
    for item in items:
        heed(stopped)
        yield item

"""Stops calls of the API from another thread."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from backhaul.errors import InterruptedRunError

T = TypeVar("T")

Stopped: TypeAlias = Callable[[], bool]
"""Whether a call should stop. Fast; called between blocks of a file and between records."""


class Stopping:
    """Stops calls in progress; later ones are not affected. Thread-safe."""

    def __init__(self) -> None:
        self._times = 0

    def stop(self) -> None:
        """Stops all calls in progress."""
        self._times += 1

    def begin(self) -> Stopped:
        """Begins a call."""
        times = self._times
        return lambda: self._times != times


def never() -> bool:
    """A call that is never stopped."""
    return False


def raise_if_stopped(stopped: Stopped) -> None:
    """Raises InterruptedRunError if the call should stop."""
    if stopped():
        raise InterruptedRunError("stopped; call it again to resume")


def each_until(stopped: Stopped, items: Iterable[T]) -> Iterator[T]:
    """The items, until the call should stop. Raises InterruptedRunError."""
    for item in items:
        raise_if_stopped(stopped)
        yield item

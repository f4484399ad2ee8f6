"""Passes messages to the thread that owns an object."""

from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")


class Mailbox:
    """A queue of function calls, executed in order by the owning thread.

    Args:
        wake: ends the owner's wait; called by the posting thread for each message.

    Attributes:
        closed: messages are dropped.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._messages: deque[Callable[[], object]] = deque()
        self._lock = Lock()
        self.closed = False

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Schedules a function call on the owner's thread; callable from any thread."""
        message = partial(function, *args, **kwargs)
        with self._lock:
            if not self.closed:
                self._messages.append(message)
                self._wake()

    def deliver(self) -> None:
        """Calls the posted functions, on the owner's thread. Raises what they raise."""
        while self._messages:
            self._messages.popleft()()

    def close(self) -> None:
        """Drops further messages; ``wake`` is not called after it returns."""
        with self._lock:
            self.closed = True


def answer(
    future: "Future[T]", function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Calls a function for another thread, which waits for the future."""
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
        future.set_exception(error)

"""How threads reach the one that owns something: they leave it messages."""

from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import ParamSpec

P = ParamSpec("P")


class Mailbox:
    """Messages for one thread: functions with their arguments, which it calls in order.

    Args:
        wake: ends the owner's wait; called for each message, by the thread that leaves it.

    Attributes:
        closed: messages are dropped.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._messages: deque[Callable[[], object]] = deque()
        self._lock = Lock()
        self.closed = False

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Has the owner's thread call a function soon; from any thread."""
        message = partial(function, *args, **kwargs)
        with self._lock:
            if not self.closed:
                self._messages.append(message)
                self._wake()

    def deliver(self) -> None:
        """Calls what was posted; on the owner's thread. Raises what the functions raise."""
        while self._messages:
            self._messages.popleft()()

    def close(self) -> None:
        """Takes no more messages; once it returns, ``wake`` is not called any more."""
        with self._lock:
            self.closed = True

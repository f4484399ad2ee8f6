"""How other threads reach the driver's: by messages, which are functions and their arguments."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from backhaul.descriptors import PATIENCE, ScarceError
from backhaul.errors import InterruptedRunError
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.waiting import HeldError
from backhaul.mailbox import Mailbox

P = ParamSpec("P")
T = TypeVar("T")
_NAP = 0.05  # seconds until it is tried again what could not be done


class Calls:
    """Carries messages to the driver's thread; for any thread, but for ``turn`` and ``close``.

    Args:
        stopped: whether the run is to stop.

    Attributes:
        post: has the driver's thread call a function soon, see Mailbox.
    """

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._mailbox = Mailbox(self.wake)
        self.post = self._mailbox.post
        self._stopped = stopped

    def wake(self) -> None:
        """Ends the driver's wait; safe in signal handlers."""
        self._bell.put(None)

    def turn(self, timeout: float) -> None:
        """Calls what was posted, on the driver's thread; waits so many seconds for the first."""
        with suppress(queue.Empty):
            self._bell.get(timeout=timeout)
            while True:
                self._bell.get_nowait()
        self._mailbox.deliver()

    def close(self) -> None:
        """Nothing is called any more."""
        self._mailbox.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Has the driver's thread call a function, and waits for what it gives.

        A function that raises HeldError or ScarceError has done nothing yet: it is called again,
        since the driver does not wait for other programs or for descriptors, but the caller can.
        """
        began = time.monotonic()
        while True:
            try:
                return self._once(partial(function, *args, **kwargs))
            except (HeldError, ScarceError) as error:
                if isinstance(error, ScarceError) and time.monotonic() - began > PATIENCE:
                    raise
                if self._stopped():
                    raise InterruptedRunError("stopped") from None
                time.sleep(_NAP)

    def keep(
        self, ledger: Ledger, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """The same; returns when what the function changed of the ledger is in it."""
        if not self.call(_and_commit, ledger, partial(function, *args, **kwargs)):
            self.call(ledger.commit)

    def _once(self, function: Callable[[], T]) -> T:
        future: Future[T] = Future()
        self.post(_answer, future, function)
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if future.done():
                    raise
                if self._stopped() or self._mailbox.closed:
                    raise InterruptedRunError("stopped") from None


def _and_commit(ledger: Ledger, function: Callable[[], object]) -> bool:
    function()
    return ledger.try_commit()


def _answer(future: Future[T], function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
        future.set_exception(error)

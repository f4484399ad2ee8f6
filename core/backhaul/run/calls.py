"""Calls functions on the driver's thread from other threads."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from backhaul.descriptors import PATIENCE, ScarceError
from backhaul.errors import InterruptedRunError
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.waiting import HeldError
from backhaul.mailbox import Mailbox, answer
from backhaul.run.task import Task
from backhaul.types import RemoteFile

P = ParamSpec("P")
T = TypeVar("T")
_NAP = 0.05  # seconds between retries


class Calls:
    """Posts function calls to the driver's thread. Thread-safe except for ``turn`` and ``close``.

    Args:
        stopped: whether the run is stopping.

    Attributes:
        post: schedules a function call on the driver's thread, see Mailbox.
    """

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._mailbox = Mailbox(self.wake)
        self.post = self._mailbox.post
        self._stopped = stopped

    def wake(self) -> None:
        """Wakes the driver; safe in signal handlers."""
        self._bell.put(None)

    def turn(self, timeout: float) -> None:
        """Runs the posted calls on the driver's thread; waits up to ``timeout`` seconds for the first."""
        with suppress(queue.Empty):
            self._bell.get(timeout=timeout)
            while True:
                self._bell.get_nowait()
        self._mailbox.deliver()

    def close(self) -> None:
        """Drops further calls."""
        self._mailbox.close()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function on the driver's thread and returns its result.

        A function that raises HeldError or ScarceError has done nothing yet and is called again: the
        driver must not wait for other programs or for descriptors, but the caller can.
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
        self,
        task: Task,
        file: RemoteFile,
        function: "Callable[Concatenate[Task, RemoteFile, P], object]",
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Calls a function for a job's file, and returns once its changes are committed to the ledger."""
        calling = partial(function, task, file, *args, **kwargs)
        if not self.call(_and_commit, task.ledger, calling):
            self.call(task.ledger.commit)

    def _once(self, function: Callable[[], T]) -> T:
        future: Future[T] = Future()
        self.post(answer, future, function)
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

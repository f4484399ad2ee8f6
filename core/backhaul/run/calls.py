"""How other threads reach the driver's: by posting functions, and by waiting for what they give."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from backhaul.descriptors import PATIENCE, ScarceError
from backhaul.errors import InterruptedRunError
from backhaul.ledger.waiting import HeldError
from backhaul.run.task import Task
from backhaul.transfer.loop import Loop

T = TypeVar("T")
_NAP = 0.05  # seconds until it is tried again what could not be done


class Calls:
    """Carries functions to the driver's thread; for any thread.

    Args:
        loop: of the driver.
        stopped: whether the run is to stop.
    """

    def __init__(self, loop: Loop, stopped: Callable[[], bool]) -> None:
        self._loop = loop
        self._stopped = stopped

    def post(self, function: Callable[[], None]) -> None:
        """Has the driver's thread call a function soon."""
        self._loop.post(function)

    def call(self, function: Callable[[], T]) -> T:
        """Has the driver's thread call a function, and waits for what it gives.

        A function that raises HeldError or ScarceError has done nothing yet: it is called again,
        since the driver does not wait for other programs or for descriptors, but the caller can.
        """
        began = time.monotonic()
        while True:
            try:
                return self._once(function)
            except (HeldError, ScarceError) as error:
                if isinstance(error, ScarceError) and time.monotonic() - began > PATIENCE:
                    raise
                if self._stopped():
                    raise InterruptedRunError("stopped") from None
                time.sleep(_NAP)

    def keep(self, task: Task, function: Callable[[], None]) -> None:
        """The same; returns when what the function changed of the job's ledger is in it."""

        def run() -> bool:
            function()
            return task.ledger is None or task.ledger.try_commit()

        if not self.call(run) and task.ledger is not None:
            self.call(task.ledger.commit)

    def _once(self, function: Callable[[], T]) -> T:
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                future.set_exception(error)

        self.post(run)
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if future.done():
                    raise
                if self._stopped() or self._loop.closed:
                    raise InterruptedRunError("stopped") from None

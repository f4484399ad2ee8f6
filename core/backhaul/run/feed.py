"""Runs the driver in its own thread and passes its events to the waiting thread."""

import queue
import time
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from backhaul.events import Event, Listener
from backhaul.run.progress import progress
from backhaul.run.result import RunResult

if TYPE_CHECKING:
    from backhaul.run.driver import Driver

_EVERY = 0.2  # seconds between progress reports of a job
_BATCH = 256  # events passed on together
_NAP = 0.1  # seconds: the longest delay until a signal received by another thread is handled
_AHEAD = 64  # batches that the listener may fall behind before the run waits for it


class Feed:
    """Passes events from the driver's thread to the thread that waits for the run.

    The run has its own thread so that Ctrl-C, which Python raises in the main thread at any point, does
    not hit the driver: the run is asked to stop, and ends cleanly.
    """

    def __init__(self) -> None:
        self._batch: list[Event] = []
        self._batches: queue.Queue[list[Event]] = queue.Queue(_AHEAD)
        self._deaf = False
        self._next = 0.0

    # -- on the driver's thread ---------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Adds an event."""
        self._batch.append(event)
        if len(self._batch) >= _BATCH:
            self._hand_over()

    def tick(self, driver: "Driver") -> None:
        """Adds the progress of running jobs when due, and passes on what there is."""
        now = time.monotonic()
        if now >= self._next:
            jobs = (
                [task.job for task in driver.under_way.values()] if self._next else driver.all_jobs
            )
            self._next = now + _EVERY
            for job in jobs:
                self.add(progress(job, driver, now))
        self._hand_over()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        while batch and not self._deaf:
            try:
                self._batches.put(batch, timeout=1.0)
            except queue.Full:
                continue
            return

    def _run(self, driver: "Driver", ended: "Future[RunResult]") -> None:
        try:
            result = driver.run()
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            ended.set_exception(error)
        else:
            self._hand_over()
            ended.set_result(result)

    # -- on the waiting thread ----------------------------------------------------------------------

    def follow(self, driver: "Driver", listener: Listener | None) -> RunResult:
        """Runs the driver, passing on its events until it ends.

        Exceptions of the listener, and KeyboardInterrupt, stop the run and are raised again once it has
        stopped. A second KeyboardInterrupt is raised immediately.
        """
        ended: Future[RunResult] = Future()
        ended.add_done_callback(self._wake)
        Thread(target=self._run, args=(driver, ended), name="backhaul-run", daemon=True).start()
        try:
            self._pass_on(ended, listener or _ignore)
        except BaseException:
            driver.interrupt()
            try:
                self._pass_on(ended, _ignore)
            finally:
                self._deaf = True
            raise
        return ended.result()

    def _pass_on(self, ended: "Future[RunResult]", listener: Listener) -> None:
        while not (ended.done() and self._batches.empty()):
            try:
                batch = self._batches.get(timeout=_NAP)
            except queue.Empty:
                continue
            for event in batch:
                listener(event)

    def _wake(self, _: "Future[RunResult]") -> None:
        with suppress(queue.Full):  # a full queue wakes it too
            self._batches.put_nowait([])


def _ignore(_: Event) -> None:
    pass

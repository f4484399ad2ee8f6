"""A run in a thread of its own, and its events in the thread that waits for it."""

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

_EVERY = 0.2  # seconds between two reports of a job's progress
_BATCH = 256  # events that are handed over together
_NAP = 0.1  # seconds: a signal that another thread of the process got is handled after so long
_AHEAD = 64  # batches that the listener may be behind; then the run waits for it


class Feed:
    """Carries events from the driver's thread to the one that waits for the run.

    The run has a thread of its own so that Ctrl-C, which Python raises in the main thread at any
    point, never hits the driver at work: the run is asked to stop, and ends cleanly.
    """

    def __init__(self) -> None:
        self._batch: list[Event] = []
        self._batches: queue.Queue[list[Event]] = queue.Queue(_AHEAD)
        self._deaf = False
        self._next = 0.0

    # -- on the driver's thread ---------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Takes an event."""
        self._batch.append(event)
        if len(self._batch) >= _BATCH:
            self._hand_over()

    def tick(self, driver: "Driver") -> None:
        """Adds the progress of the jobs under way when it is time, and hands over what there is."""
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
        except BaseException as error:  # noqa: BLE001 - it is raised where the run is waited for
            ended.set_exception(error)
        else:
            self._hand_over()
            ended.set_result(result)

    # -- on the thread that waits -------------------------------------------------------------------

    def follow(self, driver: "Driver", listener: Listener | None) -> RunResult:
        """Runs the driver, and passes its events on until it has ended.

        What the listener raises, and KeyboardInterrupt, stop the run; they are raised again once it
        has stopped. A second KeyboardInterrupt is raised at once.
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
        with suppress(queue.Full):  # then there is enough to wake it
            self._batches.put_nowait([])


def _ignore(_: Event) -> None:
    pass

"""An Executor that uses this process and others: what all kinds of workers have in common."""

import logging
import pickle
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any

from backhaul.mailbox import Mailbox
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import Setup, WorkUnit
from backhaul.transfer.outcome import Outcome, is_given_back
from backhaul.transfer.processes.crew import Crew
from backhaul.transfer.processes.dispatch import Dispatch
from backhaul.transfer.processes.this_process import ThisProcess
from backhaul.transfer.processes.worker_handle import WorkerHandle
from backhaul.transfer.thread import TransferThread
from backhaul.transfer.unit import Counters
from backhaul.transfer.verifiers import Verifiers
from backhaul.types import Pace

log = logging.getLogger(__name__)


class Pool:
    """Carries out transfers in this process and in others. See Executor for its methods.

    One thread does everything that concerns the others. It posts outcomes like a TransferThread, which
    it also has: for origins with a pace, and for jobs that cannot be sent to another process. A subclass
    creates the crew and the thread, which calls ``_take`` and ``_crew.watch``.

    Args:
        setup: see Setup.
        wake: ends the thread's wait.
        verifiers: see Engine.

    Raises ConfigError, see Engine.
    """

    _thread: Thread

    def __init__(
        self,
        setup: Setup,
        *,
        wake: Callable[[], object],
        verifiers: Verifiers | None = None,
    ) -> None:
        self._deliver = setup.deliver
        self._crashed = setup.crashed
        self._local = TransferThread(setup._replace(deliver=self._from_here), verifiers=verifiers)
        self._mailbox = Mailbox(wake)
        self._post = self._mailbox.post
        self._here = ThisProcess(self._local, self._post)

    def _lead(self, crew: Crew[Any]) -> None:
        """Sets the other processes."""
        self._staff = crew
        self._dispatch = Dispatch(crew, self._here, deliver=self._deliver)
        self._waiting: Mapping[str, int] = {}  # held transfers not assigned to a process, by job

    @property
    def counters(self) -> Counters:
        """The present totals of all processes."""
        total = Counters(held=self._waiting)
        total.add(self._local.counters)
        total.add(self._staff.ended)
        for worker in list(self._staff.workers.values()):
            total.add(worker.counters)
        return total

    # -- transfers ----------------------------------------------------------------------------------

    def begin(self, job: str, context: JobContext) -> None:
        self._local.begin(job, context)
        # The pace of a source applies to all its requests together: only one process can keep it.
        sent = self.sent(job, context) if context.pace is None else None
        self._post(self._dispatch.begin, job, sent)

    def sent(self, job: str, context: JobContext) -> bytes | None:
        """A job's context for other processes; None if it cannot be sent."""
        return packed(job, context._replace(elsewhere=None))

    def end(self, job: str) -> None:
        self._post(self._dispatch.end, job)

    def submit(self, unit: WorkUnit) -> None:
        self._post(self._dispatch.submit, unit)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files are published, or never will be; workers do not wait for that."""
        self._local.published(job, names)

    def withdraw(self, job: str) -> None:
        self._post(self._dispatch.withdraw, job)

    def forget(self, job: str) -> None:
        self._post(self._dispatch.forget, job)

    def hold(self, jobs: Collection[str]) -> None:
        self._post(self._dispatch.hold, jobs)

    def release(self, job: str) -> None:
        self._post(self._dispatch.release, job)

    def cancel(self, jobs: Collection[str] | None) -> None:
        self._post(self._dispatch.cancel, jobs)

    def _close(self, begin_closing: Callable[[], object]) -> None:
        """Ends the workers and this process's transfers, after what was posted before.

        So a cancellation arrives first, which keeps received data.
        """
        passed_on = Event()
        self._post(passed_on.set)
        self._post(begin_closing)
        while not passed_on.wait(0.1):
            if not self._thread.is_alive():
                self._local.cancel(None)
                break
        self._local.close()
        self._thread.join()
        self._mailbox.close()

    def at_work(self, job: str) -> bool:
        future: Future[bool] = Future()
        self._post(lambda: future.set_result(self._dispatch.is_busy(job)))
        busy = False
        while self._thread.is_alive():  # else the error that has ended it is on its way
            try:
                busy = future.result(timeout=1.0)
                break
            except TimeoutError:
                continue
        # Only now has this process's part been told what was posted before, such as a cancellation.
        return self._local.at_work(job) or busy

    # -- hosts --------------------------------------------------------------------------------------

    def pace(self, origin: str, pace: Pace) -> None:
        """Limits requests to an origin, which are then all made by this process."""
        self._local.pace(origin, pace)
        self._post(self._dispatch.keep_here, origin)

    def remember(self, hosts: Mapping[str, int]) -> None:
        self._local.remember(hosts)
        self._post(self._staff.remember, hosts)

    def hosts(self) -> list[tuple[str, int]]:
        found = dict(self._local.hosts())
        found.update(self._staff.hosts())
        return list(found.items())

    def received(self, job: str, size: int) -> None:
        self._local.received(job, size)

    # -- messages -----------------------------------------------------------------------------------

    def _take(self, worker: WorkerHandle, name: str, values: Sequence[Any]) -> None:
        """Processes a worker's message."""
        if name == "outcomes":
            self._dispatch.take(worker, values[0])
        elif name == "figures":
            self._staff.figures(worker, values[0], values[1])
        elif name == "ready":
            self._staff.ready(worker)
        elif name == "shared":
            self._staff.shrunk(worker.number, values[0])
        elif name == "quiet":
            worker.quiet[values[0]] = True
            self._deliver(())  # wakes the thread that asked
        elif name == "unable":
            self._dispatch.unable(*values)
        elif name == "log":
            _log(*values)
        elif name == "crashed":
            raise RuntimeError(f"a worker process ended unexpectedly:\n{values[0]}")

    def _from_here(self, outcomes: Sequence[Outcome]) -> None:
        """Runs on this process's transfer thread."""
        self._post(self._dispatch.settled_here, outcomes)
        self._deliver([each for each in outcomes if not is_given_back(each)])


def _log(name: str, level: int, text: str, created: float) -> None:
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        record = logger.makeRecord(name, level, "", 0, text, (), None)
        record.created = created
        logger.handle(record)


def packed(job: str, context: object) -> bytes | None:
    """What other processes need to know about a job; None if it cannot be sent."""
    try:
        return pickle.dumps(context)
    except Exception as error:  # noqa: BLE001 - whatever a plugin's objects raise
        log.info("%s: runs in one process: %s", job, error)
        return None

"""An Executor of several processes: this one, and workers that are started when they pay."""

import logging
import os
import pickle
import selectors
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from backhaul.mailbox import Mailbox
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Outcome, is_given_back
from backhaul.transfer.processes.crew import Crew
from backhaul.transfer.processes.dispatch import Dispatch
from backhaul.transfer.processes.here import Here
from backhaul.transfer.processes.totals import Totals
from backhaul.transfer.processes.worker import WorkerProcess
from backhaul.transfer.thread import TransferThread
from backhaul.transfer.unit import Statistics
from backhaul.types import Pace

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

log = logging.getLogger(__name__)

_TURN: Final = 0.1  # maximum seconds that the thread waits
_CLOSING: Final = 10.0  # seconds that workers may be silent when they should end


class ProcessPool:
    """Carries out transfers in this process and in workers.

    One thread does everything that concerns the workers. It posts outcomes like a TransferThread, which
    it also has: for origins with a pace, for jobs that cannot be sent to another process, and until the
    workers have started.

    Args:
        deliver: receives outcomes, on a thread of the pool's; must not block.
        crashed: called on a thread of the pool's with an error that ends it.
        settings: the user's.
        connections: maximum number of connections.

    Raises ConfigError, see Engine.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[Outcome]], None],
        crashed: Callable[[BaseException], None],
        *,
        settings: "Settings",
        connections: int,
    ) -> None:
        self._deliver = deliver
        self._crashed = crashed
        self._local = TransferThread(
            self._from_here, crashed, settings=settings, connections=connections
        )
        self._selector = selectors.DefaultSelector()
        self._bell_out, self._bell_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._bell_out, selectors.EVENT_READ)
        self._mailbox = Mailbox(self._wake)
        self._post = self._mailbox.post
        here = Here(self._local)
        self._crew = crew = Crew(
            here, self._selector, settings=settings, connections=connections, post=self._post
        )
        self._dispatch = Dispatch(crew, here, deliver=deliver)
        self._totals = Totals(self._local.counters, crew.workers, crew.ended)
        self._contexts = self._dispatch.contexts
        self._closing_at = 0.0
        self._thread = Thread(target=self._run, name="backhaul-workers", daemon=True)
        self._thread.start()

    @property
    def counters(self) -> Statistics:
        """The sum over all processes."""
        return self._totals

    # -- transfers ----------------------------------------------------------------------------------

    def begin(self, job: str, context: JobContext) -> None:
        """Announces a job before its first unit."""
        self._local.begin(job, context)
        # The pace of a source is that of all its requests together: one process keeps it.
        sent = _packed(job, context) if context.pace is None else None
        self._post(self._dispatch.begin, job, sent)

    def end(self, job: str) -> None:
        """The job has no transfers left."""
        self._post(self._dispatch.end, job)

    def submit(self, unit: WorkUnit) -> None:
        """Accepts a unit."""
        self._post(self._dispatch.submit, unit)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files are published, or never will be; workers do not wait for that."""
        self._local.published(job, names)

    def withdraw(self, job: str) -> None:
        """Withdraws a job's transfers that have not started."""
        self._post(self._dispatch.withdraw, job)

    def forget(self, job: str) -> None:
        """Discards data kept for a job's files that will not be submitted again."""
        self._post(self._dispatch.forget, job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs, see Engine.hold."""
        self._post(self._dispatch.hold, jobs)

    def release(self, job: str) -> None:
        """Resumes a held job."""
        self._post(self._dispatch.release, job)

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Stops the transfers of some jobs (None: all) immediately, see Executor."""
        self._post(self._dispatch.cancel, jobs)

    def at_work(self, job: str) -> bool:
        """Whether files of a job are still being verified, written or kept."""
        if self._local.at_work(job):
            return True
        future: Future[bool] = Future()
        self._post(lambda: future.set_result(self._dispatch.is_busy(job)))
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise RuntimeError("the workers' thread has ended") from None

    # -- hosts --------------------------------------------------------------------------------------

    def pace(self, origin: str, pace: Pace) -> None:
        """Limits requests to an origin, which are then all made by this process."""
        self._local.pace(origin, pace)
        self._post(self._dispatch.keep_here, origin)

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""
        self._local.remember(hosts)
        self._post(self._crew.remember, hosts)

    def hosts(self) -> list[tuple[str, int]]:
        """How many connections each origin allows."""
        found = dict(self._local.hosts())
        found.update(self._crew.hosts())
        return list(found.items())

    def received(self, job: str, size: int) -> None:
        """Counts bytes that were received by other means."""
        self._local.received(job, size)

    # -- the thread ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends all workers and threads after their results were delivered."""
        self._post(self._begin_closing)
        self._local.close()
        self._thread.join()
        self._mailbox.close()
        self._selector.close()
        os.close(self._bell_out)
        os.close(self._bell_in)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes too
            os.write(self._bell_in, b"!")

    def _begin_closing(self) -> None:
        self._closing_at = time.monotonic() + _CLOSING
        self._crew.close()

    def _run(self) -> None:
        try:
            while not self._closing_at or self._crew.workers:
                if self._closing_at and time.monotonic() > self._closing_at:
                    break
                self._turn()
        except BaseException as error:
            log.debug("the workers' thread ends", exc_info=True)
            self._crashed(error)
        finally:
            self._crew.kill()

    def _turn(self) -> None:
        for key, mask in self._selector.select(_TURN):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(self._bell_out, 4096)
                continue
            worker: WorkerProcess = key.data
            if mask & selectors.EVENT_WRITE:
                worker.flush()
            if mask & selectors.EVENT_READ:
                self._read(worker)
        self._mailbox.deliver()
        if not self._closing_at:
            self._dispatch.turn(time.monotonic())
        self._crew.watch()
        self._totals.waiting = self._dispatch.held

    def _read(self, worker: WorkerProcess) -> None:
        try:
            for name, *values in worker.receive():
                self._take(worker, name, values)
        except EOFError:
            self._dispatch.lost(worker, expected=bool(self._closing_at))

    def _take(self, worker: WorkerProcess, name: str, values: Sequence[Any]) -> None:
        """Processes a worker's message."""
        if self._closing_at:
            self._closing_at = time.monotonic() + _CLOSING
        if name == "outcomes":
            self._dispatch.take(worker, values[0])
        elif name == "figures":
            self._crew.figures(worker, values[0], values[1])
        elif name == "ready":
            self._crew.ready(worker)
        elif name == "shared":
            self._crew.shrunk(worker.number, values[0])
        elif name == "quiet":
            worker.quiet[values[0]] = True
            self._deliver(())  # wakes whoever asked
        elif name == "unable":
            self._dispatch.unable(*values)
        elif name == "log":
            _log(*values)
        elif name == "crashed":
            raise RuntimeError(f"a worker process ended unexpectedly:\n{values[0]}")

    def _from_here(self, outcomes: Sequence[Outcome]) -> None:
        """Runs on this process' transfer thread."""
        self._post(self._dispatch.settled_here, outcomes)
        self._deliver([each for each in outcomes if not is_given_back(each)])


def _log(name: str, level: int, text: str, created: float) -> None:
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        record = logger.makeRecord(name, level, "", 0, text, (), None)
        record.created = created
        logger.handle(record)


def _packed(job: str, context: JobContext) -> bytes | None:
    """A job's context for other processes; None if it cannot be sent."""
    try:
        return pickle.dumps(context)
    except Exception as error:  # noqa: BLE001 - whatever a plugin's objects raise
        log.info("%s: runs in one process: %s", job, error)
        return None

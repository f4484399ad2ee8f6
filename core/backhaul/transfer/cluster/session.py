"""A run as seen by a Dask worker: carries out units, and exchanges messages with the driver.

The driver exchanges messages with each worker many times per second. A worker that hears nothing for a
while assumes that the driver is gone, and ends the session.
"""

import asyncio
import logging
import os
import pickle
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final, NamedTuple

from backhaul.storage.away_parts import away_folder, mark_ended
from backhaul.storage.held_parts import HeldParts
from backhaul.storage.location import Location
from backhaul.storage.parts import LocalParts
from backhaul.transfer.cluster.finishing import Finishing
from backhaul.transfer.cluster.rejects import SentRejects
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Outcome, Retrying, Withdrawn
from backhaul.transfer.processes.packing import pack
from backhaul.transfer.processes.work import LogHandler, Work
from backhaul.wording import human

log = logging.getLogger(__name__)

_HOLD: Final = 0.1  # maximum seconds that an exchange waits for messages
_SOON: Final = 0.01
_GONE: Final = 20.0  # seconds without an exchange after which the driver is assumed to be gone
_LOOK: Final = 0.2  # seconds between checks whether the driver is still there


class Start(NamedTuple):
    """The parameters of a session.

    Attributes:
        run: names the run.
        session: names this worker in it.
        settings: see ``work.needed``.
        connections, start: see Engine.
        level: of log messages to send.
        driver: the driver's process.
    """

    run: str
    session: str
    settings: dict[str, Any]
    connections: int
    start: int
    level: int
    driver: str


class RemoteJob(NamedTuple):
    """What a session needs to know about a job.

    Attributes:
        name: the job's name.
        dest: the archive.
        check, rejected: see JobContext.
        rejected_limit: maximum bytes of rejected bodies.
    """

    name: str
    dest: Location
    check: Any
    rejected: Any
    rejected_limit: int


def this_process() -> str:
    """Identifies this process among those of all machines."""
    return f"{socket.gethostname()}-{os.getpid()}"


class _Logs:
    """Sends this process's log messages to the driver, which redacts and writes them."""

    def __init__(self, send: Callable[..., None], level: int) -> None:
        self._logger = logging.getLogger("backhaul")
        self._handler = LogHandler(send)
        self._before = self._logger.level, self._logger.propagate
        self._logger.addHandler(self._handler)
        self._logger.setLevel(level)
        self._logger.propagate = False

    def close(self) -> None:
        """Restores the logging configuration."""
        self._logger.removeHandler(self._handler)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)


class _Open:
    """Transfers of a unit that have not ended."""

    def __init__(self, unit: WorkUnit) -> None:
        self.job = unit.job
        self.names = {each.file.name for each in unit.transfers}
        self.over = Event()

    def settle(self, names: Collection[str]) -> None:
        self.names.difference_update(names)
        if not self.names:
            self.over.set()


class Session(Work):
    """One run in this worker.

    Args:
        start: the parameters from the driver.
        scratch: a folder on this machine, for parts of files for object stores.
        loop: the worker's event loop.
    """

    def __init__(self, start: Start, scratch: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._lock = Lock()
        self._taking = Lock()
        self._has_share = Event()
        self._messages: list[tuple[Any, ...]] = []
        self._arrived = asyncio.Event()
        self._hurried = False
        self._block_lock = Lock()
        self._taken = Event()
        self._taken.set()
        self._loop = loop
        self._asked_at = time.monotonic()
        self._open: dict[str, list[_Open]] = {}
        self._remote_jobs: dict[str, RemoteJob] = {}
        self._folders: dict[str, LocalParts] = {}
        self.name = start.session
        self._scratch = scratch
        self._ending: Thread | None = None
        self.over = False
        self._finishing = Finishing(self._finished, self.broke, durable=start.settings["durable"])
        super().__init__(self._put, self.broke, start.settings, start.connections, start.start)
        self._logs = None if start.driver == this_process() else _Logs(self._put, start.level)

    # -- messages -----------------------------------------------------------------------------------

    def _put(self, *message: Any) -> None:
        with self._lock:
            self._messages.append(message)
        with suppress(RuntimeError):  # the worker is ending
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _put_block(self, *message: Any) -> None:
        """Sends a large message, once the driver has taken the one before. Raises OSError if it is gone."""
        with self._block_lock:
            while not self._taken.wait(_LOOK):
                if self.driver_is_silent:
                    raise TimeoutError("the run has ended")
            self._taken.clear()
            self._put(*message)

    async def exchange(self, messages: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Does what messages say, and returns those for the driver."""
        self._asked_at = time.monotonic()
        self._hurried = False
        try:
            for name, *values in messages:
                self.execute(name, values)
            await self._wait()
        except Exception as error:  # noqa: BLE001 - reported to the driver
            self.broke(error)
        with self._lock:
            found, self._messages = self._messages, []
            self._taken.set()
        return found

    def hurry(self) -> None:
        """Ends the wait of the exchange in progress: the driver has messages."""
        self._hurried = True
        self._arrived.set()

    async def _wait(self) -> None:
        """Waits for messages for the driver, but not for long."""
        end = time.monotonic() + _HOLD
        while True:
            self._arrived.clear()
            if self._ending is None:  # the transfer thread no longer responds
                self.look()
            left = end - time.monotonic()
            if self._messages or self._hurried or left <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._arrived.wait(), min(left, _SOON) if self.asked else left
                )

    def execute(self, name: str, values: Sequence[Any]) -> None:
        """See Work; also ends the units of canceled jobs."""
        super().execute(name, values)
        if name == "share":
            self._has_share.set()
        elif name == "cancel":
            for job in list(self._open) if values[0] is None else values[0]:
                for unit in self._open.pop(job, []):
                    unit.over.set()
        elif name == "end":
            (job,) = values
            self._remote_jobs.pop(job, None)
            self._finishing.end(job)
            if (folder := self._folders.pop(job, None)) is not None:
                folder.close()

    # -- units --------------------------------------------------------------------------------------

    def take(self, job: str, context: bytes, unit: WorkUnit) -> _Open:
        """Starts a unit; its job is announced with the first one."""
        taken = _Open(unit)
        with self._lock:
            self._open.setdefault(job, []).append(taken)
        # Units and messages take different ways. Until this worker has its share, it has no connection.
        while not (self._has_share.wait(_LOOK) or self.over or self.driver_is_silent):
            pass
        with self._taking:
            if taken.over.is_set():  # it was canceled meanwhile
                return taken
            if job not in self._remote_jobs:
                self.execute("begin", (job, context))
            self.execute("submit", (unit,))
        return taken

    def opened(self, job: str, context: bytes) -> JobContext:
        """The job's context, with this worker's own folder for its parts."""
        remote: RemoteJob = pickle.loads(context)  # noqa: S301 - from the driver
        self._remote_jobs[job] = remote
        shared = not remote.dest.is_remote
        path = away_folder(remote.dest, remote.name, self.name)
        parts = (
            LocalParts(path, durable=False)
            if shared
            else HeldParts(self._scratch / remote.name, durable=False)
        )
        self._folders[job] = parts
        self._finishing.begin(job, remote.name, remote.dest, parts)
        rejected = remote.rejected
        if rejected is not None:
            rejected = (
                rejected.of(parts)
                if shared
                else SentRejects(parts, remote.rejected_limit, self._put_block)
            )
        return JobContext(parts, remote.check, rejected)

    def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Files are synced or uploaded before they are reported to the driver; on the transfer thread."""
        if outcomes:
            self.settled(outcomes)
            self._finishing.put(outcomes)

    def at_work(self, job: str) -> bool:
        return super().at_work(job) or self._finishing.at_work(job)

    def _finished(self, outcomes: Sequence[Outcome]) -> None:
        """Runs on the finishing thread."""
        self._put("outcomes", pack(outcomes))
        for outcome in outcomes:
            if isinstance(outcome, Retrying):
                continue
            if isinstance(outcome, Withdrawn):
                self._settle(outcome.job, outcome.names)
            else:
                self._settle(outcome.transfer.job, (outcome.transfer.file.name,))

    def _settle(self, job: str, names: Collection[str]) -> None:
        with self._lock:
            units = self._open.get(job, [])
            for unit in units:
                unit.settle(names)
            if units and any(unit.over.is_set() for unit in units):
                self._open[job] = [unit for unit in units if not unit.over.is_set()]

    def give_up(self, unit: _Open) -> None:
        """The driver no longer wants a unit: its job was canceled, or the driver is gone."""
        self.execute("cancel", ([unit.job],))

    # -- the end ------------------------------------------------------------------------------------

    @property
    def driver_is_silent(self) -> bool:
        """Whether the driver has been silent for too long."""
        return time.monotonic() - self._asked_at > _GONE

    def close(self) -> None:
        """Ends all transfers, and sends ``closed`` once nothing is being written any more."""
        if self._ending is None:
            self._ending = Thread(target=self._close, name="backhaul-close", daemon=True)
            self._ending.start()

    def _close(self) -> None:
        try:
            self._end()
        except BaseException as error:  # noqa: BLE001 - reported to the driver
            self.broke(error)
        self._put("closed")

    def _end(self) -> None:
        self.thread.cancel(None)
        for units in list(self._open.values()):
            for unit in units:
                unit.over.set()
        self.thread.close()
        self._finishing.close()
        self.over = True
        self.tell()
        for job in list(self._folders):
            if (parts := self._folders.pop(job, None)) is None:  # it ends at this moment
                continue
            remote = self._remote_jobs.get(job)
            with suppress(OSError):  # the folder is gone
                if remote is not None and remote.dest.is_remote:
                    _name_unfinished(parts)
                elif remote is not None:
                    mark_ended(parts.path)
            parts.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._logs is not None:
            self._logs.close()

    def broke(self, error: BaseException) -> None:
        """Tells the driver of an unexpected error, which ends the run."""
        self._put("crashed", "".join(traceback.format_exception(error)))


def _name_unfinished(parts: LocalParts) -> None:
    """Says what is lost with a worker's own disk."""
    for name in [name for name, bound in parts.parts() if bound]:
        log.warning(
            "%s of %s are discarded; the next run fetches it from the start",
            human(parts.part_taken(name)),
            name,
        )

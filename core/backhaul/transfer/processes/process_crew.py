"""Workers on this machine: starts processes, and replaces those that die."""

import logging
import selectors
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from backhaul.transfer.hosts import START
from backhaul.transfer.processes.auto import how_many
from backhaul.transfer.processes.crew import Crew
from backhaul.transfer.processes.fork_server import SharedForkServer
from backhaul.transfer.processes.shares import split
from backhaul.transfer.processes.this_process import ThisProcess
from backhaul.transfer.processes.worker import WorkerProcess

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

log = logging.getLogger(__name__)

_FALSE_STARTS: Final = (
    3  # number of workers that may die before they are ready; then no more are started
)


class ProcessCrew(Crew[WorkerProcess]):
    """Worker processes.

    Args:
        here, settings, connections, post: see Crew.
        selector: watches the workers' sockets, with the worker as data.
        server: forks the workers; the pool closes it.
    """

    def __init__(
        self,
        here: ThisProcess,
        selector: selectors.BaseSelector,
        *,
        settings: "Settings",
        connections: int,
        post: Callable[..., None],
        server: SharedForkServer,
    ) -> None:
        super().__init__(here, settings=settings, connections=connections, post=post)
        self._selector = selector
        self._settings = settings
        per_host = min(settings.connections_per_host, connections)
        self.waits = settings.workers != "auto"
        self.wanted = max(1, min(how_many(settings.workers), per_host))
        self._per_host = split(per_host, self.wanted)
        self._false_starts = 0
        self._server = server
        self._watched: dict[int, int] = {}
        self._closing = False

    def prepare(self) -> None:
        """Workers may be wanted soon: starts the process that forks them."""
        if not self.hopeless:
            self._server.start()

    def start(self) -> None:
        if not self.started:
            self.started = True
            self.prepare()
            for each in range(self.wanted):
                self._start(each)

    def _start(self, number: int) -> None:
        share = self._settings.model_copy(
            update={
                "connections": self._connections,
                "connections_per_host": self._per_host[number],
            }
        )
        try:
            start = max(1, START // self.wanted)
            worker = WorkerProcess(number, share, start=start, server=self._server.start())
        except OSError as error:
            log.warning("cannot start a worker process: %s; using one process", error)
            self.hopeless = True
            return
        self.workers[number] = worker
        self._watch(worker)

    def lost(self, worker: WorkerProcess, *, expected: bool) -> None:
        self._selector.unregister(worker.line)
        del self._watched[worker.number]
        code = worker.end()
        self.remove(worker)
        if expected or self._closing:
            return
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if not worker.ready:
            self._false_starts += 1
        if self._false_starts >= _FALSE_STARTS:
            if not self.hopeless:
                log.warning("worker processes cannot start: the last %s; using one process", how)
            self.hopeless = True
            return
        log.warning("a worker process %s; its transfers are repeated", how)
        self._start(worker.number)

    def close(self) -> None:
        self._closing = True
        for worker in self.workers.values():
            worker.send("close")

    def kill(self) -> None:
        """Terminates the remaining workers."""
        for worker in self.workers.values():
            worker.end()

    def watch(self) -> None:
        """See Crew; also watches whether sockets are writable."""
        super().watch()
        for worker in self.workers.values():
            self._watch(worker)

    def _watch(self, worker: WorkerProcess) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.is_waiting else 0)
        before = self._watched.get(worker.number)
        if before is None:
            self._selector.register(worker.line, events, worker)
        elif before != events:
            self._selector.modify(worker.line, events, worker)
        self._watched[worker.number] = events

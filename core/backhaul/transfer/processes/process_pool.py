"""An Executor that uses several processes: this one, and workers that are started when worthwhile."""

import logging
import selectors
import time
from collections.abc import Sequence
from threading import Thread
from typing import Any, Final

from backhaul.transfer.bell import Bell
from backhaul.transfer.executor import Setup
from backhaul.transfer.processes.auto import how_many
from backhaul.transfer.processes.fork_server import SharedForkServer
from backhaul.transfer.processes.pool import Pool
from backhaul.transfer.processes.process_crew import ProcessCrew
from backhaul.transfer.processes.verifier_pool import VerifierPool
from backhaul.transfer.processes.worker import WorkerProcess
from backhaul.transfer.processes.worker_handle import WorkerHandle

log = logging.getLogger(__name__)

_TURN: Final = 0.1  # maximum seconds that the thread waits
_CLOSING: Final = 10.0  # seconds that workers may be silent after they were asked to end


class ProcessPool(Pool):
    """Carries out transfers in this process and in workers on this machine.

    Until the workers have started, this process carries out all transfers.

    Args:
        setup: see Setup.
        server: forks workers; the pool closes it.

    Raises ConfigError, see Engine.
    """

    def __init__(self, setup: Setup, *, server: SharedForkServer | None = None) -> None:
        self._server = server or SharedForkServer()
        verifiers = VerifierPool(self._server, most=how_many(setup.settings.workers) - 1)
        super().__init__(setup, wake=self._wake, verifiers=verifiers)
        self._selector = selectors.DefaultSelector()
        self._bell = Bell()
        self._selector.register(self._bell.fd, selectors.EVENT_READ)
        self._crew = ProcessCrew(
            self._here,
            self._selector,
            settings=setup.settings,
            connections=setup.connections,
            post=self._post,
            server=self._server,
        )
        self._lead(self._crew)
        self._closing_at = 0.0
        self._thread = Thread(target=self._run, name="backhaul-workers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends all workers and threads after their results were delivered."""
        self._close(self._begin_closing)
        self._server.close()
        self._selector.close()
        self._bell.close()

    def _wake(self) -> None:
        self._bell.ring()

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
                self._bell.silence()
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
        self._waiting = self._dispatch.held

    def _read(self, worker: WorkerProcess) -> None:
        try:
            for name, *values in worker.receive():
                self._take(worker, name, values)
        except EOFError:
            self._dispatch.lost(worker, expected=bool(self._closing_at))

    def _take(self, worker: WorkerHandle, name: str, values: Sequence[Any]) -> None:
        if self._closing_at:
            self._closing_at = time.monotonic() + _CLOSING
        super()._take(worker, name, values)

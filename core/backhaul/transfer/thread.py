"""The transfer thread: receives data and never waits for a disk, a program or a plugin."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from backhaul.mailbox import answer
from backhaul.transfer.context import JobContext
from backhaul.transfer.engine import Engine
from backhaul.transfer.executor import Setup, WorkUnit
from backhaul.transfer.hosts import START
from backhaul.transfer.outcome import Stale
from backhaul.transfer.verifiers import Verifiers
from backhaul.types import Pace

log = logging.getLogger(__name__)
T = TypeVar("T")

_TURN = 1.0  # maximum seconds that the loop waits
_MANY = 256  # outcomes delivered together
_AGE = 0.05  # maximum seconds an outcome waits for others


class TransferThread:
    """An Executor in this process: an Engine in its own thread. See Executor for its methods.

    Args:
        setup: see Setup; outcomes are delivered on the loop's thread.
        start, verifiers: see Engine.

    Attributes:
        counters: the engine's; read-only.

    Raises ConfigError, see Engine.
    """

    def __init__(
        self, setup: Setup, *, start: int = START, verifiers: Verifiers | None = None
    ) -> None:
        self._engine = engine = Engine(
            setup.settings, connections=setup.connections, start=start, verifiers=verifiers
        )
        self._deliver = setup.deliver
        self._crashed = setup.crashed
        self.counters = engine.counters
        self._post = engine.loop.mailbox.post
        self._ending = False
        self._shrinking: tuple[int, Callable[[], object]] | None = None
        self._leaving: dict[str, Callable[[], object]] = {}
        self._since = 0.0
        self._looked = 0  # waiting outcomes that were examined
        self._thread = Thread(target=self._run, name="backhaul-transfer", daemon=True)
        self._thread.start()

    # -- transfers ----------------------------------------------------------------------------------

    def begin(self, job: str, context: JobContext) -> None:
        self._post(self._engine.begin, job, context)

    def end(self, job: str) -> None:
        self._post(self._engine.end, job)

    def submit(self, unit: WorkUnit) -> None:
        self._post(self._submit, unit)

    def _submit(self, unit: WorkUnit) -> None:
        for transfer in unit.transfers:
            self._engine.submit(transfer, partial=transfer.file.name in unit.partials)

    def published(self, job: str, names: Collection[str]) -> None:
        self._post(self._engine.published, job, names)

    def withdraw(self, job: str) -> None:
        self._post(self._engine.withdraw, job)

    def forget(self, job: str) -> None:
        self._post(self._engine.forget, job)

    def hold(self, jobs: Collection[str]) -> None:
        self._post(self._engine.hold, jobs)

    def release(self, job: str) -> None:
        self._post(self._engine.release, job)

    def at_work(self, job: str) -> bool:
        return self._ask(self._engine.at_work, job)

    def cancel(self, jobs: Collection[str] | None) -> None:
        if jobs is None:
            self._post(self._engine.stop)
        else:
            self._post(self._engine.stop_jobs, jobs)

    # -- hosts --------------------------------------------------------------------------------------

    def pace(self, origin: str, pace: Pace) -> None:
        self._post(self._engine.pace, origin, pace)

    def remember(self, hosts: Mapping[str, int]) -> None:
        self._post(self._engine.remember, hosts)

    def hosts(self) -> list[tuple[str, int]]:
        return [(host.name, host.limit) for host in list(self._engine.hosts.values())]

    def received(self, job: str, size: int) -> None:
        self._post(self._engine.received, job, size)

    def share(self, connections: int, limit_rate: int | None, done: Callable[[], object]) -> None:
        """Changes the limits, see Engine.share.

        ``done`` is called on the loop's thread once no more connections are active.
        """
        self._post(self._share, connections, limit_rate, done)

    def _share(self, connections: int, limit_rate: int | None, done: Callable[[], object]) -> None:
        self._engine.share(connections, limit_rate)
        self._shrinking = connections, done

    def give_back(self, origin: str, pause: float) -> None:
        """Withdraws an origin's new transfers, see Engine.give_back."""
        self._post(self._engine.give_back, origin, pause)

    def leave(self, origin: str, done: Callable[[], object] | None = None) -> None:
        """Leaves an origin to other processes, see Engine.leave.

        ``done`` is called on the loop's thread once no more requests are made for its transfers.
        """
        self._post(self._leave, origin, done)

    def _leave(self, origin: str, done: Callable[[], object] | None) -> None:
        self._engine.leave(origin)
        if done is not None:
            self._leaving[origin] = done

    # -- the thread ---------------------------------------------------------------------------------

    def close(self) -> None:
        self._post(self._end)
        self._thread.join()

    def _end(self) -> None:
        self._ending = True

    def _run(self) -> None:
        engine = self._engine
        try:
            wait = _TURN
            while not self._ending:
                engine.turn(wait)
                wait = self._give()
                if self._shrinking is not None and engine.counters.active <= self._shrinking[0]:
                    (_, done), self._shrinking = self._shrinking, None
                    done()
                for origin in [each for each in self._leaving if not engine.fetches(each)]:
                    self._leaving.pop(origin)()
            engine.close()
            self._deliver(engine.take())
        except BaseException as error:
            log.debug("the transfer thread ends", exc_info=True)
            engine.abandon()
            self._crashed(error)

    def _give(self) -> float:
        """Delivers outcomes in batches; returns the seconds until the next delivery.

        A stale link is delivered immediately, so that others like it are not tried.
        """
        engine = self._engine
        if not engine.outcomes:
            self._since = 0.0
            return _TURN
        stale = any(type(outcome) is Stale for outcome in engine.outcomes[self._looked :])
        self._looked = len(engine.outcomes)
        now = time.monotonic()
        self._since = self._since or now
        left = self._since + _AGE - now
        if not stale and self._looked < _MANY and left > 0 and engine.counters.active:
            return left
        self._since = 0.0
        self._looked = 0
        self._deliver(engine.take())
        return _TURN

    def _ask(self, function: Callable[[str], T], job: str) -> T:
        """Asks the loop, which answers immediately."""
        future: Future[T] = Future()
        self._post(answer, future, function, job)
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise RuntimeError("the transfer thread has ended") from None

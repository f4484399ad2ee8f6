"""The transfers' own thread: it receives, and never waits for a disk, a program or a plugin."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from backhaul.transfer.context import JobContext
from backhaul.transfer.engine import Engine
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Outcome, Stale
from backhaul.types import Pace

log = logging.getLogger(__name__)
T = TypeVar("T")

_TURN = 1.0  # seconds that the loop waits at most
_MANY = 256  # outcomes that are delivered together
_AGE = 0.05  # seconds that one waits for others


class TransferThread:
    """The Executor that is this process: an Engine in a thread of its own.

    Args:
        deliver: takes outcomes, on the loop's thread; it does not wait.
        crashed: told, on the loop's thread, of an error that ends it.
        settings: see Engine.

    Attributes:
        counters: what the engine did so far; to be read only.

    Raises ConfigError, see Engine.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[Outcome]], None],
        crashed: Callable[[BaseException], None],
        **settings: Any,
    ) -> None:
        self._engine = engine = Engine(**settings)
        self._deliver = deliver
        self._crashed = crashed
        self.counters = engine.counters
        self._post = engine.loop.mailbox.post
        self._ending = False
        self._since = 0.0
        self._looked = 0  # outcomes that were looked through and wait
        self._thread = Thread(target=self._run, name="backhaul-transfer", daemon=True)
        self._thread.start()

    # -- transfers ----------------------------------------------------------------------------------

    def begin(self, job: str, context: JobContext) -> None:
        """A job is about to submit transfers."""
        self._post(self._engine.begin, job, context)

    def end(self, job: str) -> None:
        """Nothing more comes of a job."""
        self._post(self._engine.end, job)

    def submit(self, unit: WorkUnit) -> None:
        """Queues the transfers of a unit."""
        self._post(self._submit, unit)

    def _submit(self, unit: WorkUnit) -> None:
        for transfer in unit.transfers:
            self._engine.submit(transfer, partial=transfer.file.name in unit.partials)

    def published(self, job: str, names: Collection[str]) -> None:
        """These files have their final names, or never will."""
        self._post(self._engine.published, job, names)

    def withdraw(self, job: str) -> None:
        """Takes back a job's transfers that have not begun; their names are delivered."""
        self._post(self._engine.withdraw, job)

    def forget(self, job: str) -> None:
        """Lets go of what is kept of a job's files that will not be submitted again."""
        self._post(self._engine.forget, job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts nothing more of some jobs, see Engine.hold."""
        self._post(self._engine.hold, jobs)

    def release(self, job: str) -> None:
        """Resumes a job that was held."""
        self._post(self._engine.release, job)

    def at_work(self, job: str) -> bool:
        """Whether something of a job is still being verified, written or kept aside."""
        return self._ask(self._engine.at_work, job)

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Ends the transfers of some jobs (None: of all) at once, see Executor."""
        if jobs is None:
            self._post(self._engine.stop)
        else:
            self._post(self._engine.stop_jobs, jobs)

    # -- hosts --------------------------------------------------------------------------------------

    def pace(self, origin: str, pace: Pace) -> None:
        """Has requests to an origin go out no faster than the provider likes."""
        self._post(self._engine.pace, origin, pace)

    def remember(self, hosts: Mapping[str, int]) -> None:
        """How many connections origins allowed in an earlier run."""
        self._post(self._engine.remember, hosts)

    def hosts(self) -> list[tuple[str, int]]:
        """How many connections each origin allows."""
        return [(host.name, host.limit) for host in list(self._engine.hosts.values())]

    def received(self, job: str, size: int) -> None:
        """Counts bytes that came in another way."""
        self._post(self._engine.received, job, size)

    # -- the thread ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the thread, once the workers are done; what they have is delivered first."""
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
            engine.close()
            self._deliver(engine.take())
        except BaseException as error:
            log.debug("the transfers' thread ends", exc_info=True)
            self._crashed(error)

    def _give(self) -> float:
        """Delivers what there is, once it is much; says in how many seconds the next is due.

        A stale link is delivered at once: until the owner knows, others like it are tried in vain.
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
        """What the loop says, which it does at once."""
        future: Future[T] = Future()
        self._post(_answer, future, function, job)
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise RuntimeError("the transfers' thread is over") from None


def _answer(future: Future[T], function: Callable[[str], T], job: str) -> None:
    try:
        future.set_result(function(job))
    except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
        future.set_exception(error)

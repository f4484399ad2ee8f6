"""The workers of a Dask cluster: finds and examines them, and divides the limits among them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from backhaul.errors import ConfigError, UnreachableError
from backhaul.foreign import line
from backhaul.transfer.cluster import remote_calls
from backhaul.transfer.cluster.answers import reason
from backhaul.transfer.cluster.departures import starts, was_asked_to_end
from backhaul.transfer.cluster.requirements import Requirements, this_version
from backhaul.transfer.cluster.session import Start, this_process
from backhaul.transfer.cluster.waiting import Waiting
from backhaul.transfer.cluster.worker import DaskWorker, Job
from backhaul.transfer.hosts import START
from backhaul.transfer.processes.crew import Crew
from backhaul.transfer.processes.this_process import ThisProcess
from backhaul.transfer.processes.work import needed
from backhaul.wording import count

if TYPE_CHECKING:
    from distributed import Client

    from backhaul.config.settings import Settings

log = logging.getLogger(__name__)

_FEWEST: Final = 50  # transfers per task, which costs the driver as much as dozens of small files
_LITTLE: Final = 4 << 20  # bytes of a task that need not be divided
_ENOUGH: Final = 400  # transfers of an origin: a few units, since messages take time
_LOOK: Final = 0.5  # seconds between checks for new and lost workers
_SILENCE: Final = 60.0  # seconds without an answer until a worker, or the scheduler, is given up
_MOMENT: Final = 0.2
_TRIES: Final = 5
_AGAIN: Final = 5.0  # seconds before a worker that did not respond is tried again


class ClusterCrew(Crew[DaskWorker]):
    """The workers that are connected to a scheduler. They may come and go.

    Args:
        here, settings, connections, post: see Crew.
        run: names the run.
        lost: called with a worker that is gone.
        take: called with a worker and a message from it.
        key: returns the name of the next task of a job.

    Attributes:
        requirements: what workers must have.
        jobs: by key.
        address: the scheduler's, for messages.
    """

    def __init__(
        self,
        here: ThisProcess,
        *,
        settings: "Settings",
        connections: int,
        post: Callable[..., None],
        run: str,
        address: str,
        lost: Callable[[DaskWorker], None],
        take: Callable[[DaskWorker, tuple[Any, ...]], Awaitable[None]],
        key: Callable[[str], str],
    ) -> None:
        super().__init__(here, settings=settings, connections=connections, post=post)
        self._settings = settings
        self._run = run
        self._lost = lost
        self._take = take
        self._key = key
        self._client: Client | None = None
        self._numbers = 0
        self._next_look = self._looked_at = 0.0
        self._looking: asyncio.Future[Any] | None = None
        self._waiting = Waiting(address)
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: dict[str, str] = {}
        self._paused: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._met: dict[int, Requirements] = {}
        self._closing = False
        self._ending: asyncio.Task[None] | None = None
        self._used = False
        self._broken: BaseException | None = None
        self.requirements = Requirements(this_version())
        self.jobs: dict[str, Job] = {}
        self.address = address
        self.started = True
        self.enough = _ENOUGH

    def start(self) -> None:
        """Nothing to do: the user starts the workers."""

    def attach(self, client: "Client") -> None:
        """The scheduler has responded."""
        self._client = client
        self._waiting = Waiting(self.address)

    # -- finding workers ----------------------------------------------------------------------------

    def look(self) -> None:
        """Finds new workers, and notices those that are gone; called often, and never waits.

        Raises:
            ConfigError: no worker can be used.
            UnreachableError: there has been no worker for too long.
            BaseException: whatever a task or a worker crashed with.
        """
        if self._broken is not None:
            raise self._broken
        now = time.monotonic()
        client = self._client
        if client is None or self._closing:
            return
        if self._looking is None:
            if now >= self._next_look:
                self._looked_at = now
                self._looking = asyncio.create_task(self._present(client))
                self._looking.add_done_callback(lambda _: self._post(bool))  # wakes the pool
            return
        if not self._looking.done():
            if now - self._looked_at > _SILENCE:
                raise self.gone()
            return
        looking, self._looking = self._looking, None
        self._next_look = now + _LOOK
        try:
            there = looking.result()
        except Exception as error:
            log.debug("the scheduler does not respond", exc_info=error)
            raise self.gone() from None
        self._compare(client, there, now)

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Starts a task; an error that it raises ends the run."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._broken = self._broken or task.exception()

    def _call(self, function: Callable[..., Any], *addresses: str) -> "asyncio.Task[None]":
        return self._begin_task(remote_calls.call(self._client, function, self._run, addresses))

    async def _present(self, client: "Client") -> set[str]:
        there = set(await client.nthreads())
        for worker in [each for each in self.workers.values() if each.address not in there]:
            await self._ask_why(client, worker)
        return there

    async def _ask_why(self, client: "Client", worker: DaskWorker) -> None:
        """Finds out whether a worker that is gone has crashed."""
        for _ in range(_TRIES):  # the scheduler may hear of it a moment later
            with suppress(Exception):  # whatever Dask raises; noticed by ``look``
                if await was_asked_to_end(
                    client, worker.address, start=worker.start, session=worker.session
                ):
                    worker.dismissed = True
                    return
            await asyncio.sleep(_MOMENT)

    def _compare(self, client: "Client", there: Collection[str], now: float) -> None:
        for worker in [each for each in self.workers.values() if each.address not in there]:
            self._lost(worker)
        for worker in [each for each in self.workers.values() if each.is_stuck]:
            self._let_go(worker)
        self._paused &= set(there)
        if self.workers:
            self._waiting = Waiting(self.address)
            self._examine_again(client)
        elif not self._joining:
            self._waiting.look(now, paused=len(self._paused))
        known = {each.address for each in self.workers.values()} | self._refused.keys()
        for address in set(there) - known - self._joining.keys():
            if now >= self._not_before.get(address, 0.0):
                self._joining[address] = self._begin_task(self._join(client, address))
        refused = [why for address, why in self._refused.items() if address in there]
        if refused and not (self._used or self.workers or self._joining):
            raise ConfigError("no worker of the cluster can be used: " + "; ".join(refused))

    def gone(self) -> UnreachableError:
        """The error for a scheduler that has exited."""
        return UnreachableError(
            f"the Dask scheduler at {self.address} is gone; run again to continue"
        )

    async def _join(self, client: "Client", address: str) -> None:
        """Opens a session in a worker, if it meets the requirements."""
        try:
            number, self._numbers = self._numbers, self._numbers + 1
            requirements = self.requirements
            worker = DaskWorker(
                number,
                address,
                client,
                run=self._run,
                jobs=self.jobs,
                key=self._key,
                hurry=lambda: self._call(remote_calls.hurry, address),
            )
            start = Start(
                self._run,
                worker.session,
                needed(self._settings),
                self._connections,
                max(1, START // (len(self.workers) + 1)),
                logging.getLogger("backhaul").getEffectiveLevel(),
                this_process(),
            )
            try:
                async with asyncio.timeout(_SILENCE):
                    worker.start = await starts(client, address)
                    found = await client.run(
                        remote_calls.open_session,
                        requirements,
                        start,
                        workers=[address],
                        on_error="return",
                    )
                why = reason(found.get(address))
                self._note_pause(address, found.get(address))
            except TimeoutError:
                log.warning("the worker %s does not respond; it is asked again", address)
                why = None
            except Exception as error:  # whatever Dask raises for a worker that has just left
                log.debug("%s: does not respond", address, exc_info=error)
                why = None
            if why is None:
                self._not_before[address] = time.monotonic() + _AGAIN
            elif why:
                self._refuse(address, why)
            else:
                log.debug("%s: worker %d", address, number)
                self._used = True
                self._met[number] = requirements
                self.workers[number] = worker
                self.wanted = len(self.workers)
                self.ready(worker)
                self._begin_task(self._talk(worker))
        finally:
            del self._joining[address]

    def _note_pause(self, address: str, answer: object) -> None:
        if not (isinstance(answer, remote_calls.NotNow) and answer.status == "paused"):
            self._paused.discard(address)
        elif address not in self._paused:
            self._paused.add(address)
            log.warning("Dask has paused the worker %s: it is short of memory; waiting", address)

    def _let_go(self, worker: DaskWorker) -> None:
        """Others carry out a paused worker's transfers. Once it continues, it is used again."""
        worker.dismissed = True
        self._lost(worker)
        self._call(remote_calls.end_session, worker.address)

    def _refuse(self, address: str, why: str) -> None:
        text = f"the worker {address} {line(why)}"
        self._refused[address] = text
        log.warning("%s; it is not used", text)

    # -- requirements -------------------------------------------------------------------------------

    def require(self, requirements: Requirements) -> None:
        """Examines the workers again before they get more units."""
        self.requirements = requirements
        self._next_look = 0.0

    def _examine_again(self, client: "Client") -> None:
        for worker in list(self.workers.values()):
            if self._met[worker.number] is not self.requirements and not worker.examining:
                worker.examining = True
                self._begin_task(self._examine(client, worker))

    async def _examine(self, client: "Client", worker: DaskWorker) -> None:
        requirements = self.requirements
        try:
            found = await client.run(
                remote_calls.examine, requirements, workers=[worker.address], on_error="return"
            )
            why = reason(found.get(worker.address))
        except Exception as error:  # as above
            log.debug("%s: does not respond", worker.address, exc_info=error)
            return
        finally:
            worker.examining = False
        if why == "":
            self._met[worker.number] = requirements
        elif why and worker.number in self.workers:
            self._refuse(worker.address, why)
            self._used = len(self.workers) > 1
            self._lost(worker)

    @property
    def usable(self) -> list[DaskWorker]:
        return [
            each
            for each in super().usable
            if self._met[each.number] is self.requirements and not each.paused
        ]

    @property
    def least(self) -> int:
        """Enough small files to be worth a task."""
        counters = [each.counters for each in self.workers.values()]
        size = sum(each.bytes for each in counters)
        files = sum(each.finished for each in counters)
        return max(1, min(_FEWEST, _LITTLE * files // size)) if size else 1

    # -- messages -----------------------------------------------------------------------------------

    async def _talk(self, worker: DaskWorker) -> None:
        """Exchanges messages with a worker until it is gone."""
        while self.workers.get(worker.number) is worker and not worker.closed:
            try:
                for message in await worker.exchange():
                    if self.workers.get(worker.number) is not worker:
                        return  # others are repeating its transfers already
                    await self._take(worker, message)
            except EOFError as error:
                log.debug("%s: %s", worker.address, error)
                if self._client is not None and not worker.dismissed:
                    await self._ask_why(self._client, worker)
                if self.workers.get(worker.number) is worker:
                    self._lost(worker)

    # -- the end ------------------------------------------------------------------------------------

    def lost(self, worker: DaskWorker, *, expected: bool) -> None:
        """A worker is gone; its tasks are dropped."""
        if self.workers.get(worker.number) is not worker:
            return
        self.remove(worker)
        worker.drop()
        self.wanted = max(1, len(self.workers))
        if not (expected or self._closing):
            self._not_before[worker.address] = time.monotonic() + _AGAIN
            others = count(len(self.workers), "other worker") if self.workers else "the next worker"
            log.log(
                logging.WARNING if worker.assigned else logging.DEBUG,
                "the worker %s %s; its transfers are repeated by %s",
                worker.address,
                "has left" if worker.dismissed else "is gone",
                others,
            )
        self.share_out()

    def close(self) -> None:
        self._closing = True
        for joining in self._joining.values():
            joining.cancel()
        addresses = [each.address for each in self.workers.values()]
        # A message would only reach them after they have responded to the previous exchange.
        self._ending = self._call(remote_calls.end_session, *addresses)
        self._ending.add_done_callback(lambda _: self._post(bool))  # wakes the pool

    @property
    def asked_to_end(self) -> bool:
        """Whether all workers were asked to end."""
        return self._ending is not None and self._ending.done()

    async def leave(self) -> None:
        """Releases all workers."""
        for worker in self.workers.values():
            worker.drop()
        tasks: list[asyncio.Future[Any]] = [*self._tasks]
        tasks += [self._looking] if self._looking is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

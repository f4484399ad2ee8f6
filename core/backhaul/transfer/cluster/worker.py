"""A Dask worker as seen by the driver's process."""

import asyncio
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from backhaul.errors import FailureKind
from backhaul.oserrors import describe
from backhaul.storage.away_parts import away_folder
from backhaul.storage.parts import LocalParts
from backhaul.transfer.cluster.rejects import keep_whole, write_block
from backhaul.transfer.cluster.remote_calls import carry_out, exchange
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.context import Elsewhere, Rejects
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.outcome import Done, Failed, Outcome
from backhaul.transfer.processes.plain import plain_unit
from backhaul.transfer.processes.worker_handle import WorkerHandle
from backhaul.transfer.unit import Failure

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

_LATE: Final = 3  # exchanges after the end of a task within which its outcomes must arrive
_STUCK: Final = 10.0  # seconds without messages from a paused worker until others get its transfers


class Job(NamedTuple):
    """A job whose files are fetched by workers.

    Attributes:
        elsewhere: see JobContext.
        workspace: where the driver expects the parts.
        rejected: see JobContext.
    """

    elsewhere: Elsewhere
    workspace: LocalParts
    rejected: Rejects | None


class DaskWorker(WorkerHandle):
    """Submits units to one worker, and exchanges messages with it.

    Args:
        number: of the worker.
        address: its address.
        client: the connection to the scheduler.
        run: names the run.
        jobs: by key; may be extended later.
        key: returns the name of the next task of a job.
        hurry: asks the worker to respond to the exchange in progress.

    Attributes:
        session: names this worker in the run.
        start: how many workers had been started at its address, see ``departures``.
        closed: it has ended and writes nothing any more.
        examining: it is being examined.
        paused: Dask has paused it, because it is short of memory.
    """

    def __init__(
        self,
        number: int,
        address: str,
        client: "Client",
        *,
        run: str,
        jobs: "dict[str, Job]",
        key: Callable[[str], str],
        hurry: Callable[[], object],
    ) -> None:
        super().__init__(number)
        self.address = address
        self.session = f"{run}-{number}"
        self.start = 0
        self.closed = self.examining = self.paused = False
        self._moved_at = time.monotonic()
        self._client = client
        self._run = run
        self._jobs = jobs
        self._key = key
        self._hurry = hurry
        self._exchanging = False
        self._contexts: dict[str, bytes] = {}
        self._folders: dict[str, LocalParts] = {}
        self._unsent: list[tuple[Any, ...]] = []
        self._units: dict[str, tuple[Future[None], WorkUnit]] = {}
        self._ended: list[tuple[int, WorkUnit]] = []
        self._exchanges = 0
        self._failed = False

    def send(self, *message: Any) -> None:
        """Sends a message with the next exchange, and ends the present one."""
        self._unsent.append(message)
        if self._exchanging:
            self._exchanging = False
            self._hurry()
        if message[0] == "cancel":
            for key, (future, unit) in list(self._units.items()):
                if message[1] is None or unit.job in message[1]:
                    del self._units[key]
                    future.release()

    def begin(self, job: str, context: bytes) -> None:
        """Announces a job, with its next unit."""
        self.announced.add(job)
        self._contexts[job] = context

    def submit(self, unit: WorkUnit) -> None:
        """Submits a unit as a Dask task, for this worker only."""
        self.quiet.pop(unit.job, None)
        job = self._jobs[unit.job]
        if unit.partials:
            self._hand_over(job, unit)
        key = self._key(unit.job)
        future = self._client.submit(
            carry_out,
            self._run,
            unit.job,
            self._contexts[unit.job],
            pickle.dumps(plain_unit(unit), pickle.HIGHEST_PROTOCOL),
            key=key,
            workers=[self.address],
            allow_other_workers=False,
            pure=False,
        )
        self._units[key] = future, unit
        future.add_done_callback(lambda _: self._over(key))

    def _hand_over(self, job: Job, unit: WorkUnit) -> None:
        """Moves parts to the worker's folder, which can resume them."""
        if job.elsewhere.dest.is_remote:
            return
        its = self._folder(unit.job, job)
        # A unit that was split still names the parts of its other portions, which may be complete.
        names = [each.file.name for each in unit.transfers]
        for name in filter(unit.partials.__contains__, names):
            with suppress(FileNotFoundError):  # a worker that has died had it
                its.take_over(name, job.workspace, bound=True)

    def _over(self, key: str) -> None:
        """A task has ended; its last outcomes may still be in transit."""
        found = self._units.pop(key, None)
        if found is None:
            return
        future, unit = found
        if future.status == "finished":
            self._ended.append((self._exchanges, unit))
        else:
            log.debug("%s: the task %s ended as %s", self.address, key, future.status)
            self._failed = True
            self.dismissed = future.status == "cancelled"  # by Client.restart

    async def exchange(self) -> list[tuple[Any, ...]]:
        """Exchanges messages. Raises EOFError if the worker, or its session, is gone."""
        sent, self._unsent = self._unsent, []
        data = pickle.dumps(sent, pickle.HIGHEST_PROTOCOL)
        self._exchanging = True
        try:
            found = await self._client.run(
                exchange, self._run, data, workers=[self.address], on_error="return"
            )
        except Exception as error:  # whatever Dask raises for a lost connection or worker
            raise EOFError(str(error)) from error
        finally:
            self._exchanging = False
        answer = found.get(self.address)
        if self._failed or not isinstance(answer, bytes):
            raise EOFError(f"it answers {answer!r}"[:200])
        self._exchanges += 1
        messages: list[tuple[Any, ...]]
        status, messages = pickle.loads(answer)  # noqa: S301 - from one of our workers
        self.paused = status == "paused"
        if messages or not self.paused:
            self._moved_at = time.monotonic()
        return messages

    @property
    def is_stuck(self) -> bool:
        """Whether it does nothing, because Dask has paused it. A paused worker starts no tasks."""
        return self.paused and time.monotonic() - self._moved_at > _STUCK

    def missed(self) -> list[WorkUnit]:
        """Units whose task ended long enough ago that all of their outcomes must have arrived."""
        found = [unit for since, unit in self._ended if self._exchanges - since >= _LATE]
        self._ended = [each for each in self._ended if self._exchanges - each[0] < _LATE]
        return found

    def received(self, outcome: Outcome) -> Outcome:
        """Moves a verified file's part from the worker's folder to where the driver expects it."""
        if not isinstance(outcome, Done) or outcome.stored is not None:
            return outcome
        transfer = outcome.transfer
        job = self._jobs[transfer.job]
        try:
            job.workspace.take_over(transfer.file.name, self._folder(transfer.job, job))
        except FileNotFoundError:
            text = f"the worker {self.address} has verified it, but it is not in the shared folder"
            return Failed(transfer, Failure(kind=FailureKind.FAILED, message=text))
        except OSError as error:
            return Failed(transfer, content_failure(error))
        return outcome

    async def keep_rejected(self, job: Job, name: str, values: Sequence[Any]) -> None:
        """Handles a message of SentRejects; never raises."""
        where = job.elsewhere
        folder = away_folder(where.dest, where.name, self.session)
        try:
            if name == "rejected":
                await asyncio.to_thread(write_block, folder, *values)
            elif job.rejected is not None:
                transfer, failure, own, size = values
                await asyncio.to_thread(
                    keep_whole, folder, job.rejected, transfer, failure, own=own, size=size
                )
        except OSError as error:
            log.warning("%s: cannot keep a rejected body: %s", where.name, describe(error))

    def _folder(self, job: str, found: Job) -> LocalParts:
        if job not in self._folders:
            where = found.elsewhere
            path = away_folder(where.dest, where.name, self.session)
            self._folders[job] = LocalParts(path, durable=False)
        return self._folders[job]

    def leave(self, job: str) -> None:
        """A job has ended."""
        self._contexts.pop(job, None)
        if (folder := self._folders.pop(job, None)) is not None:
            folder.close()

    def drop(self) -> None:
        """The worker is gone: its tasks are no longer wanted."""
        for future, _ in self._units.values():
            future.release()
        self._units.clear()
        for job in list(self._folders):
            self.leave(job)

"""Makes a worker's verified files durable, or uploads them, before they are reported to the driver."""

from collections import Counter
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from backhaul.errors import BackhaulError, FailureKind
from backhaul.oserrors import StoreError
from backhaul.storage.destination import Staged
from backhaul.storage.location import Location
from backhaul.storage.parts import LocalParts
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.outcome import Done, Failed, Outcome
from backhaul.transfer.unit import HUGE, Failure
from backhaul.types import Proof

if TYPE_CHECKING:
    from backhaul.storage.object_store import ObjectStore


class _Job(NamedTuple):
    parts: LocalParts
    store: "ObjectStore | None"


class Finishing:
    """A thread that finishes outcomes in order.

    Args:
        finished: receives the outcomes, on that thread.
        crashed: called on it with an error that ends it.
        durable: whether files must survive a power failure.
    """

    def __init__(
        self,
        finished: Callable[[Sequence[Outcome]], None],
        crashed: Callable[[BaseException], None],
        *,
        durable: bool,
    ) -> None:
        self._told = finished
        self._crashed = crashed
        self._durable = durable
        self._jobs: dict[str, _Job] = {}
        self._waiting: Counter[str] = Counter()  # verified files, by job
        self._lock = Lock()
        self._queue: SimpleQueue[Sequence[Outcome] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="backhaul-finish", daemon=True)
        self._thread.start()

    def begin(self, job: str, name: str, dest: Location, parts: LocalParts) -> None:
        """A job starts. Raises ConfigError if its store cannot be used."""
        store = None
        if dest.is_remote:
            from backhaul.storage.object_store import open_store  # noqa: PLC0415 - slow

            store = open_store(dest, name, parts)
        self._jobs[job] = _Job(parts, store)

    def end(self, job: str) -> None:
        """No more outcomes of a job will follow."""
        found = self._jobs.pop(job, None)
        if found is not None and found.store is not None:
            found.store.close()

    def put(self, outcomes: Sequence[Outcome]) -> None:
        """Adds outcomes."""
        self._count(outcomes, 1)
        self._queue.put(outcomes)

    def _count(self, outcomes: Sequence[Outcome], step: int) -> None:
        with self._lock:
            for outcome in outcomes:
                if isinstance(outcome, Done):
                    self._waiting[outcome.transfer.job] += step

    def at_work(self, job: str) -> bool:
        """Whether files of a job are still being synced or uploaded."""
        return self._waiting[job] > 0

    def close(self) -> None:
        """Finishes all outcomes, and ends."""
        self._queue.put(None)
        self._thread.join()
        for job in list(self._jobs):
            self.end(job)

    def _run(self) -> None:
        try:
            while (outcomes := self._queue.get()) is not None:
                self._told(self._finish(outcomes))
                self._count(outcomes, -1)
        except BaseException as error:  # noqa: BLE001 - reported to the driver
            self._crashed(error)

    def _finish(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        done: dict[str, list[Done]] = {}
        for outcome in outcomes:
            if isinstance(outcome, Done):
                done.setdefault(outcome.transfer.job, []).append(outcome)
        if not done:
            return outcomes
        ended: dict[tuple[str, str], Outcome] = {}
        for job, some in done.items():
            for each in self._of_job(self._jobs.get(job), some):
                ended[job, each.transfer.file.name] = each
        return [
            ended[each.transfer.job, each.transfer.file.name] if isinstance(each, Done) else each
            for each in outcomes
        ]

    def _of_job(self, job: _Job | None, done: Sequence[Done]) -> Sequence[Done | Failed]:
        if job is None:  # it was ended
            return [_failed(each, OSError("the job has ended")) for each in done]
        if job.store is None:
            return _synced(job.parts, done) if self._durable else done
        return _uploaded(job.store, done)


def _synced(parts: LocalParts, done: Sequence[Done]) -> Sequence[Done | Failed]:
    """Flushes files from this machine's memory to the shared file system."""
    try:
        parts.sync_parts(
            [each.transfer.file.name for each in done if not (each.opened and _is_huge(each))]
        )
    except OSError as error:
        return [_failed(each, error) for each in done]
    return done


def _is_huge(done: Done) -> bool:
    return done.content.size >= HUGE  # synced by the part


def _uploaded(store: "ObjectStore", done: Sequence[Done]) -> Sequence[Done | Failed]:
    staged = [
        Staged(
            each.transfer.file.name,
            each.content.size,
            each.content.sha256,
            opened=each.opened,
            records=each.content.records,
            proof="+".join(Proof(each.proof).words()),
        )
        for each in done
    ]
    try:
        results = store.create(staged)
    except (BackhaulError, OSError) as error:
        failed = error if isinstance(error, OSError) else StoreError(str(error))
        return [_failed(each, failed) for each in done]
    return [
        _failed(each, result) if isinstance(result, OSError) else each._replace(stored=result)
        for each, result in zip(done, results, strict=True)
    ]


def _failed(done: Done, error: OSError) -> Failed:
    failure = content_failure(error)
    if failure.kind is FailureKind.DISK:  # this machine's disk, or its connection to the shared one
        failure = Failure(kind=FailureKind.FAILED, message=f"on a worker: {failure.message}")
    return Failed(done.transfer, failure)

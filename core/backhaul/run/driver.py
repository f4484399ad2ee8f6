"""The driver: one thread that owns the ledger, the transfers and the end of every job."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from backhaul.errors import BackhaulError, DiskError, FailureKind, InterruptedRunError
from backhaul.ledger.lease import Lease
from backhaul.run import deadline, disk
from backhaul.run.accept import Wanted, accept
from backhaul.run.books import Books
from backhaul.run.conclude import conclude
from backhaul.run.files import FileDesk
from backhaul.run.job_thread import JobThread
from backhaul.run.low_water import LowWater
from backhaul.run.result import JobResult, RunResult
from backhaul.run.settings import RunSettings
from backhaul.run.strays import clear_strays
from backhaul.run.streams import StreamDesk
from backhaul.run.task import Task, TaskSpec, clean
from backhaul.storage.folder import PART, JobFolder
from backhaul.transfer.engine import Engine
from backhaul.transfer.unit import Transfer, origin
from backhaul.types import JobState, JobStatus, RemoteFile
from backhaul.verify.verifier import Limits

log = logging.getLogger(__name__)
T = TypeVar("T")

_ROOM = 2048  # transfers of one job that may wait; its listing pauses above
_LOOK = 5.0  # seconds between two looks at the deadlines
_SKEW = 300.0  # seconds between the clocks that are worth a word
_PATIENCE = 5.0  # seconds that threads have to notice a stop
_STOPPED = {
    FailureKind.INTERRUPTED: "interrupted; run again to go on",
    FailureKind.TIME_LIMIT: "the time limit was reached; run again to go on",
}


class Driver:
    """Runs jobs to their end.

    Args:
        tasks: the jobs.
        settings: how.
        load: gives the Provider by name; raises PluginError.
        make_http: gives a provider's API session for one job.
        on_tick: called some times a second, for progress.
    """

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        settings: RunSettings,
        *,
        load: Callable[[str], Any],
        make_http: Callable[[Any, Any], Any],
        on_tick: "Callable[[Driver], None]" = lambda _: None,
    ) -> None:
        self.settings = settings
        self.durable = settings.durable
        self.limits = Limits(
            max_ratio=settings.max_inflate_ratio, max_size=settings.max_inflated_size
        )
        self.tasks = [Task(spec, order=number) for number, spec in enumerate(specs)]
        self._load = load
        self._make_http = make_http
        self._on_tick = on_tick
        self._next_tick = 0.0
        self._next_look = 0.0
        self._stopping: FailureKind | None = None
        self._closed = False
        self._disk_full: set[Path] = set()
        self._unasked = {task.order for task in self.tasks}
        self._all_asked = Event()
        self._asked_lock = Lock()
        self.started = time.monotonic()
        self.books = Books(min_free=settings.min_free, trouble=self._disk_trouble)
        self.files = FileDesk(
            {task.key: task for task in self.tasks},
            self.books,
            trouble=lambda task, message: self._disk_trouble(task.spec.dest, message),
            withdraw=self._withdraw,
        )
        self.streams = StreamDesk(
            received=self._stream_received,
            trouble=lambda task, message: self._disk_trouble(task.spec.dest, message),
        )
        self.engine = Engine(
            self.files,
            connections=settings.connections,
            connections_per_host=settings.connections_per_host,
            retries=settings.retries,
            limit_rate=settings.limit_rate,
            durable=settings.durable,
            max_file_size=settings.max_file_size,
            limits=self.limits,
            patience=settings.patience,
            remembered=self.books.remembered,
        )
        self.low_water = LowWater(
            self.engine,
            min_free=settings.min_free,
            patience=settings.disk_patience,
            trouble=self._disk_trouble,
        )

    # -- for other threads and signal handlers ------------------------------------------------------

    def post(self, function: Callable[[], None]) -> None:
        """Has the driver's thread call a function soon."""
        self.engine.loop.post(function)

    def call(self, function: Callable[[], T]) -> T:
        """Has the driver's thread call a function, and waits for what it gives."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                future.set_exception(error)

        self.post(run)
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if future.done():
                    raise
                if self._stopping is not None or self.engine.loop.closed:
                    raise InterruptedRunError("stopped") from None

    def interrupt(self, kind: FailureKind = FailureKind.INTERRUPTED) -> None:
        """Asks for a clean stop; safe in signal handlers."""
        self._stopping = kind
        self.engine.loop.wake()

    def ready_or_late(self, task: Task) -> None:
        """Waits until every job has had its first answer, or a few seconds.

        So the job that expires soonest is known before the first transfer starts.
        """
        self.asked(task)
        self._all_asked.wait(timeout=self.settings.status_patience)

    def asked(self, task: Task) -> None:
        """A job has had its first answer, or will have none."""
        with self._asked_lock:
            self._unasked.discard(task.order)
            if not self._unasked:
                self._all_asked.set()

    # -- the run ------------------------------------------------------------------------------------

    def run(self) -> RunResult:
        """Runs all jobs. Raises nothing for what a provider, a file, a disk or a ledger does."""
        try:
            self._run()
        except (BackhaulError, OSError) as error:
            self._broken(error)
        finally:
            self._close()
        results = tuple(self._conclude(task) for task in self.tasks)
        self.books.close()
        return RunResult(
            jobs=results,
            interrupted=self._stopping is FailureKind.INTERRUPTED,
            seconds=time.monotonic() - self.started,
        )

    def _run(self) -> None:
        for task in self.tasks:
            self._open(task)
        while any(not task.ended for task in self.tasks):
            if self._stopping is not None:
                self._stop_all(self._stopping)
                break
            self._turn()

    def _broken(self, error: BackhaulError | OSError) -> None:
        """A ledger failed where no job was to blame: what is not done yet is left for the next run."""
        log.debug("the run ends early", exc_info=error)
        kind = error.kind if isinstance(error, BackhaulError) else FailureKind.DISK
        for task in self.tasks:
            if not task.ended and not task.dead:
                task.note(kind, str(error))
        self.engine.stop()

    def _conclude(self, task: Task) -> JobResult:
        try:
            return conclude(task, self.books.get(task.spec.dest), durable=self.durable)
        except BackhaulError as error:
            task.note(error.kind, error.message)
            return conclude(task, None)

    def _turn(self) -> None:
        self.engine.turn(0.1)
        now = time.monotonic()
        if self.books.due or not self.engine.busy:
            self.books.flush()
        if now >= self._next_tick:
            self._next_tick = now + 0.1
            self._tick(now)
        for task in self.tasks:
            if not task.ended:
                self._advance(task)

    def _tick(self, now: float) -> None:
        self.books.commit()
        limit = self.settings.max_duration
        if limit is not None and now - self.started >= limit:
            self.interrupt(FailureKind.TIME_LIMIT)
        self.low_water.watch(self.tasks, now)
        self.streams.leave_idle(self.tasks, now)
        if now >= self._next_look:
            self._next_look = now + _LOOK
            for task in self.tasks:
                self._watch_deadline(task, now)
        self._on_tick(self)

    def _watch_deadline(self, task: Task, now: float) -> None:
        told = not task.began or task.late or task.disk.text
        late = None if told else deadline.warning(task, now - task.began - task.disk.seconds)
        if late is not None:
            task.late = True
            task.warn(late)
            log.warning("%s: %s", task.spec.name, late)

    def _advance(self, task: Task) -> None:
        """Goes on with a job whose present wave is over."""
        if len(task.open) < _ROOM // 2 and not task.room.is_set():
            task.room.set()
        if task.listing or task.open or task.streams or task.thread is None:
            return
        if task.refusal is not None and not task.dead and task.wave and not task.progress:
            self.files.give_up_links(task)
        if task.refusal is not None and not task.dead:
            self.books.flush()
            task.renew = False
            task.wave += 1
            task.progress = 0
            task.dead_links = 0
            task.refusal = None
            task.seen.clear()
            task.listing = True
            task.orders.put("wave")
            return
        if not task.ending:
            task.ending = True
            self.engine.forget(task.key)
            task.orders.put("end")
        elif not task.thread.is_alive():
            task.settle()

    # -- opening and closing ------------------------------------------------------------------------

    def _open(self, task: Task) -> None:
        spec = task.spec
        try:
            if spec.plugin_error is not None:
                raise spec.plugin_error
            task.ledger = self.books.open(spec.dest)
            task.lease = Lease(spec.dest, spec.name)
            task.provider = self._load(spec.provider)
            task.http = self._make_http(task.provider, task.stop)
            task.id = task.ledger.open_job(spec.name, source=spec.source, provider=spec.provider)
            task.has_rows = task.ledger.has_files(task.id)
        except BackhaulError as error:
            task.note(error.kind, error.message)
            task.ended = True
            self.asked(task)
            return
        base_url = getattr(spec.source_options, "base_url", None)
        pace = task.provider.info.pace if task.provider is not None else None
        if base_url and pace is not None:
            self.engine.pace(origin(base_url), pace)
        task.listing = True
        task.thread = Thread(
            target=JobThread(self, task).run, name=f"backhaul-job-{spec.name}", daemon=True
        )
        task.thread.start()

    def _close(self) -> None:
        self._closed = True
        for task in self.tasks:
            task.stop.set()
            task.room.set()
            task.orders.put("end")
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and any(
            task.streams or (task.thread is not None and task.thread.is_alive())
            for task in self.tasks
        ):
            self.engine.turn(0.05)
        self.books.flush()
        self.books.save_hosts((host.name, host.limit) for host in self.engine.hosts.values())
        self.engine.close()
        for task in self.tasks:
            if task.folder is not None:
                task.folder.close()
            if task.lease is not None:
                task.lease.release()
            if task.http is not None:
                task.http.close()

    def _stop_all(self, kind: FailureKind) -> None:
        log.info("stopping: what has arrived is kept")
        for task in self.tasks:
            task.stop.set()
            if not task.ended:
                task.note(kind, _STOPPED[kind])
                if task.disk.text:
                    task.warn(task.disk.text)
        self.engine.stop()

    # -- what the job's thread says -----------------------------------------------------------------

    def save_status(self, task: Task, status: JobStatus) -> None:
        """The provider said how far the job is."""
        status = replace(
            status,
            message=clean(status.message),
            warnings=tuple(clean(warning) for warning in status.warnings),
        )
        task.status = status
        for warning in status.warnings:
            task.warn(warning)
        self._watch_clock(task)
        if task.ledger is not None:
            task.ledger.save_status(task.id, status)
            task.ledger.commit()

    def _watch_clock(self, task: Task) -> None:
        offset = task.http.clock_offset if task.http is not None else None
        if offset is not None and abs(offset) > _SKEW:
            way = "ahead of" if offset > 0 else "behind"
            task.warn(
                f"this machine's clock is {abs(offset) / 60:.0f} minutes {way} the provider's: times"
                " of expiry are judged by the provider's"
            )

    def not_ready(self, task: Task, status: JobStatus) -> None:
        """The job is not ready, and there is no more patience."""
        task.not_ready = True
        log.info("%s: not ready: %s", task.spec.name, status.message or status.state)

    def job_over(self, task: Task, status: JobStatus) -> None:
        """The provider says that the job failed, or that its data is gone."""
        expired = status.state is JobState.EXPIRED
        kind = FailureKind.EXPIRED if expired else FailureKind.FAILED
        self.job_failed(task, kind, status.message or f"the provider says {status.state}")

    def job_failed(self, task: Task, kind: FailureKind, message: str) -> None:
        """The job as a whole cannot go on."""
        task.note(kind, message)
        task.dead = True
        self.asked(task)

    def begin_job(self, task: Task, status: JobStatus) -> None:
        """The job is ready: its folder, its rank by expiry, and whether there is room."""
        spec = task.spec
        if status.expires is not None:
            task.rank = int(status.expires.timestamp())
        task.began = time.monotonic()
        try:
            task.folder = JobFolder(spec.dest / spec.name, durable=self.durable)
            parts = dict(sorted(task.folder.parts()))  # a sidecar's True comes last, and stays
            task.parts = {name for name, sidecar in parts.items() if sidecar}
            if task.ledger is not None:
                task.parts.difference_update(clear_strays(task.ledger, task.id, task.folder, parts))
            self._preflight(task, status)
            self.low_water.enter(task)
        except OSError as error:
            raise DiskError(f"{spec.dest / spec.name}: {error.strerror or error}") from None

    def _preflight(self, task: Task, status: JobStatus) -> None:
        if status.totals is None or status.totals.bytes is None or task.ledger is None:
            return
        _, _, task.here_before, _ = task.ledger.sums(task.id)
        partly = disk.taken(
            task.spec.dest / task.spec.name / f"{name}{PART}" for name in task.parts
        )
        self.books.preflight(task.spec.dest, status.totals.bytes - task.here_before - partly)

    def accept(self, task: Task, batch: Sequence[RemoteFile]) -> list[Wanted]:
        """A batch of the listing: says which files are wanted."""
        if task.ledger is None or task.folder is None:
            return []
        return accept(task, task.ledger, task.folder, batch, only_failed=self.settings.only_failed)

    def submit(self, task: Task, transfers: Sequence[Transfer]) -> None:
        """Transfers that can begin."""
        if task.stop.is_set() or task.dead:
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        if task.renew:  # their links are as old as those that were refused
            task.open.difference_update(transfer.file.name for transfer in transfers)
            return
        for transfer in transfers:
            self.engine.submit(transfer, partial=transfer.file.name in task.parts)
        if len(task.open) > _ROOM:
            task.room.clear()

    def listed_whole(self, task: Task) -> None:
        """The provider has listed all that there is: what it lists no more is not waited for."""
        task.listed_whole = True
        if task.ledger is not None:
            gone = [each for each in task.ledger.unfinished(task.id) if each not in task.seen]
            task.ledger.forget(task.id, gone)

    def listing_done(self, task: Task) -> None:
        """The thread waits for orders."""
        task.listing = False

    def thread_ended(self, task: Task) -> None:
        """The job's thread is over."""
        task.listing = False
        if task.dead or task.stop.is_set():
            self.engine.withdraw(task.key)
            self.engine.forget(task.key)
            task.open &= self.engine.under_way(task.key)
        task.settle()

    # -- transfers and the disk -----------------------------------------------------------------------

    def _withdraw(self, task: Task) -> None:
        self.engine.withdraw(task.key)
        waiting = self.books.publisher(task.spec.dest).names(task)
        task.open &= self.engine.under_way(task.key) | waiting

    def _stream_received(self, task: Task, size: int) -> None:
        counters = self.engine.counters
        counters.bytes += size
        counters.by_job[task.key] = counters.by_job.get(task.key, 0) + size

    def _disk_trouble(self, dest: Path, message: str) -> None:
        """Nothing more can be written there: its jobs end, all others go on."""
        hit = [task for task in self.tasks if task.spec.dest == dest and not task.ended]
        for task in hit:
            if not task.dead:
                task.note(FailureKind.DISK, f"{dest}: {message}")
            task.dead = True
            task.stop.set()
            task.room.set()
        self.engine.stop_jobs({task.key for task in hit})
        for task in hit:
            task.open.clear()

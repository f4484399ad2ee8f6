"""The driver: one thread that owns the ledger, the transfers and the end of every job."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from backhaul.errors import (
    BackhaulError,
    DiskError,
    FailureKind,
    InterruptedRunError,
)
from backhaul.ledger.lease import Lease
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import PIECE
from backhaul.names import key
from backhaul.run import disk
from backhaul.run.accept import Wanted, accept
from backhaul.run.conclude import conclude
from backhaul.run.job_thread import JobThread
from backhaul.run.publisher import Publisher
from backhaul.run.result import RunResult
from backhaul.run.settings import RunSettings
from backhaul.run.task import Task, TaskSpec
from backhaul.storage.folder import JobFolder
from backhaul.transfer.engine import Engine
from backhaul.transfer.unit import Failure, Transfer, origin
from backhaul.types import Content, JobState, JobStatus, Problem, RemoteFile, SlotState
from backhaul.verify.verifier import Limits

log = logging.getLogger(__name__)
T = TypeVar("T")

_ROOM = 2048  # transfers of one job that may wait; its listing pauses above
_DEAD = 8  # links that must be stale at once in a renewed listing before all are given up
_IDLE = 3.0  # seconds without data after which a queue that still fills is left, without --wait


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
        self._by_name = {task.spec.name: task for task in self.tasks}
        self._load = load
        self._make_http = make_http
        self._on_tick = on_tick
        self._ledgers: dict[Path, Ledger] = {}
        self._publishers: dict[Path, Publisher] = {}
        self._next_tick = 0.0
        self._next_room_check = 0
        self._stopping: FailureKind | None = None
        self._disk_full: set[Path] = set()
        self._unasked = {task.order for task in self.tasks}
        self._all_asked = Event()
        self._asked_lock = Lock()
        self.started = time.monotonic()
        self.engine = Engine(
            self,
            connections=settings.connections,
            connections_per_host=settings.connections_per_host,
            retries=settings.retries,
            limit_rate=settings.limit_rate,
            durable=settings.durable,
            max_file_size=settings.max_file_size,
            limits=self.limits,
            patience=settings.patience,
            remembered=self._remembered,
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
                if self._stopping is not None:
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
        """Runs all jobs. Raises nothing for what a provider, a file or a disk does."""
        try:
            for task in self.tasks:
                self._open(task)
            while any(not task.ended for task in self.tasks):
                if self._stopping is not None:
                    self._stop_all(self._stopping)
                    break
                self._turn()
            self._flush()
        finally:
            self._close()
        results = tuple(conclude(task, self._ledger(task.spec.dest)) for task in self.tasks)
        for ledger in self._ledgers.values():
            ledger.close()
        return RunResult(
            jobs=results,
            interrupted=self._stopping is FailureKind.INTERRUPTED,
            seconds=time.monotonic() - self.started,
        )

    def _turn(self) -> None:
        self.engine.turn(0.1)
        now = time.monotonic()
        for publisher in self._publishers.values():
            if publisher.due or not self.engine.busy:
                self._flush()
                break
        if now >= self._next_tick:
            self._next_tick = now + 0.1
            limit = self.settings.max_duration
            if limit is not None and now - self.started >= limit:
                self.interrupt(FailureKind.TIME_LIMIT)
            self._leave_idle_queues(now)
            self._on_tick(self)
        for task in self.tasks:
            if not task.ended:
                self._advance(task)

    def _advance(self, task: Task) -> None:
        """Goes on with a job whose present wave is over."""
        if len(task.open) < _ROOM // 2 and not task.room.is_set():
            task.room.set()
        if task.listing or task.open or task.streams or task.thread is None:
            return
        if task.renew and not task.dead:
            self._flush()
            task.renew = False
            task.wave += 1
            task.progress = 0
            task.stale = 0
            task.seen.clear()
            task.listing = True
            task.orders.put("wave")
            return
        if not task.ending:
            task.ending = True
            self.engine.forget(task.spec.name)
            task.orders.put("end")

    # -- opening and closing ------------------------------------------------------------------------

    def _ledger(self, dest: Path) -> Ledger:
        ledger = self._ledgers.get(dest)
        if ledger is None:
            ledger = self._ledgers[dest] = Ledger(dest)
            self._publishers[dest] = Publisher(ledger)
        return ledger

    def _open(self, task: Task) -> None:
        spec = task.spec
        try:
            if spec.plugin_error is not None:
                raise spec.plugin_error
            task.ledger = self._ledger(spec.dest)
            task.lease = Lease(spec.dest, spec.name)
            task.provider = self._load(spec.provider)
            task.http = self._make_http(task.provider, task.stop)
        except BackhaulError as error:
            task.note(error.kind, error.message)
            task.ended = True
            self.asked(task)
            return
        task.id = task.ledger.open_job(spec.name, source=spec.source, provider=spec.provider)
        task.has_rows = task.ledger.has_files(task.id)
        base_url = getattr(spec.source_options, "base_url", None)
        if base_url and task.provider.info.pace is not None:
            self.engine.pace(origin(base_url), task.provider.info.pace)
        task.listing = True
        task.thread = Thread(
            target=JobThread(self, task).run, name=f"backhaul-job-{spec.name}", daemon=True
        )
        task.thread.start()

    def _close(self) -> None:
        for task in self.tasks:
            task.stop.set()
            task.room.set()
            task.orders.put("end")
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline and any(
            task.thread is not None and task.thread.is_alive() for task in self.tasks
        ):
            self.engine.turn(0.05)
        for ledger in self._ledgers.values():
            ledger.save_hosts((host.name, host.limit) for host in self.engine.hosts.values())
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
        self.engine.stop()

    def _remembered(self, host: str) -> int | None:
        return next(
            (
                found
                for ledger in self._ledgers.values()
                if (found := ledger.host_connections(host)) is not None
            ),
            None,
        )

    # -- what the job's thread says -----------------------------------------------------------------

    def save_status(self, task: Task, status: JobStatus) -> None:
        """The provider said how far the job is."""
        task.status = status
        for warning in status.warnings:
            task.warn(warning)
        if task.ledger is not None:
            task.ledger.save_status(task.id, status)
            task.ledger.commit()

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
        try:
            task.folder = JobFolder(spec.dest / spec.name, durable=self.durable)
            task.parts = set(task.folder.parts())
            self._preflight(task, status)
        except OSError as error:
            raise DiskError(f"{spec.dest / spec.name}: {error.strerror or error}") from None

    def _preflight(self, task: Task, status: JobStatus) -> None:
        if status.totals is None or status.totals.bytes is None or task.ledger is None:
            return
        _, _, here, _ = task.ledger.sums(task.id)
        need = status.totals.bytes - here
        if need > 0:
            disk.preflight(task.spec.dest, need, self.settings.min_free)

    def accept(self, task: Task, batch: Sequence[RemoteFile]) -> list[Wanted]:
        """A batch of the listing: says which files are wanted."""
        if task.ledger is None or task.folder is None:
            return []
        return accept(task, task.ledger, task.folder, batch, only_failed=self.settings.only_failed)

    def adopted(self, task: Task, file: RemoteFile, found: str, content: Content) -> None:
        """A file was on disk already, and is whole."""
        if task.ledger is None or task.folder is None:
            return
        if found != file.name:
            task.folder.adopt(found, file.name)
        state = SlotState.SUSPECT if file.suspect else SlotState.VERIFIED
        task.ledger.save_done(
            [done_row(task, file, content, state=state, message="found on disk and verified")]
        )
        task.skipped += 1
        task.open.discard(file.name)

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
        """The provider has listed all that there is."""
        task.listed_whole = True

    def listing_done(self, task: Task) -> None:
        """The thread waits for orders."""
        task.listing = False

    def thread_ended(self, task: Task) -> None:
        """The job's thread is over."""
        task.listing = False
        if not task.streams and not task.open:
            task.ended = True
        elif task.dead or task.stop.is_set():
            self._give_up(task)

    def _give_up(self, task: Task) -> None:
        self.engine.withdraw(task.spec.name)
        self.engine.forget(task.spec.name)
        task.ended = not task.streams

    # -- what the engine says -----------------------------------------------------------------------

    def folder(self, job: str) -> JobFolder:
        """The job's folder."""
        folder = self._by_name[job].folder
        if folder is None:
            raise DiskError(f"job {job} has no folder")
        return folder

    def check(self, transfer: Transfer, content: Content) -> Problem | None:
        """What the provider finds wrong with a file that came whole."""
        task = self._by_name[transfer.job]
        if task.provider is None or not task.provider.implements("check_file"):
            return None
        try:
            problems = task.provider.check_file(
                task.spec.source_options, task.spec.job_options, transfer.file, content
            )
        except BackhaulError as error:
            return Problem(error.message, error.kind)
        for problem in problems:
            if problem.fatal:
                return problem
            task.warn(f"{transfer.file.name}: {problem.message}")
        return None

    def arrived(
        self, transfer: Transfer, content: Content, data: bytes | None, validator: str | None
    ) -> None:
        """A verified file."""
        task = self._by_name[transfer.job]
        if task.folder is None:
            return
        try:
            if data is not None:
                task.folder.write_part(transfer.file.name, data)
        except OSError as error:
            self._cannot_write(task, transfer, error)
            return
        self._publishers[task.spec.dest].add(
            task, transfer, content, validator=validator, sidecar=data is None
        )
        task.fetched += 1
        task.progress += 1
        task.bytes_fetched += content.size
        if self._publishers[task.spec.dest].due:
            self._flush()

    def _cannot_write(self, task: Task, transfer: Transfer, error: OSError) -> None:
        message = f"cannot be written: {error.strerror or error}"
        self.failed(transfer, Failure(kind=FailureKind.DISK, message=message))
        if error.errno in disk.FATAL:
            self._disk_trouble(task.spec.dest, message)

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        """A file that could not be had."""
        task = self._by_name[transfer.job]
        file = transfer.file
        task.open.discard(file.name)
        if task.ledger is None:
            return
        for found in task.ledger.known(task.id, [key(file.name)]).values():
            task.tried.add(found.id)
        task.failed += 1
        task.ledger.save_failed(
            task.id,
            file.name,
            state=failure.state,
            kind=failure.kind.value,
            message=self.settings.redact(failure.message),
        )
        log.log(
            logging.DEBUG if file.optional and failure.state is SlotState.MISSING else logging.WARNING,
            "%s: %s: %s (%s)", task.spec.name, file.name, failure.message, failure.kind.value,
        )  # fmt: skip
        if failure.kind is FailureKind.DISK:
            self._disk_trouble(task.spec.dest, failure.message)

    def stale(self, transfer: Transfer, failure: Failure) -> None:
        """A link has expired: the listing is asked for anew, once for all who wait."""
        task = self._by_name[transfer.job]
        name = transfer.file.name
        task.open.discard(name)
        task.stale += 1
        if transfer.wave != task.wave:
            return
        if task.wave and not task.progress and task.stale >= min(_DEAD, len(task.open) + 1):
            self._not_renewable(task, failure)
            return
        if not task.renew:
            task.renew = True
            task.room.set()
            log.info("%s: links have expired; asking for fresh ones", task.spec.name)
            self._withdraw(task)

    def _withdraw(self, task: Task) -> None:
        under_way = self.engine.under_way(task.spec.name)
        self.engine.withdraw(task.spec.name)
        waiting = self._publishers[task.spec.dest].names(task)
        task.open = {name for name in task.open if name in under_way or name in waiting}

    def _not_renewable(self, task: Task, failure: Failure) -> None:
        if task.dead:
            return
        task.dead = True
        task.renew = False
        task.room.set()
        self._withdraw(task)
        task.note(
            FailureKind.EXPIRED,
            f"links have expired, and fresh ones are refused as well: {failure.message}",
        )
        if task.ledger is not None:
            task.ledger.save_expired(task.id, self.settings.redact(failure.message))

    # -- chunked files ------------------------------------------------------------------------------

    def stream_started(self, task: Task) -> None:
        """A chunked file begins."""
        task.streams += 1
        task.last_data = time.monotonic()

    def stream_state(
        self, task: Task, file: RemoteFile
    ) -> tuple[str | None, int, int, int, bool] | None:
        """How far it is."""
        return task.ledger.stream(task.id, file.name) if task.ledger is not None else None

    def save_stream(
        self,
        task: Task,
        file: RemoteFile,
        *,
        cursor: str | None,
        piece: int,
        length: int,
        records: int,
        done: bool,
        size: int,
    ) -> None:
        """It went on; returns when that is durable."""
        if task.ledger is None:
            return
        task.ledger.save_stream(
            task.id,
            file.name,
            cursor=cursor,
            piece=piece,
            length=length,
            records=records,
            done=done,
        )
        task.ledger.commit()
        if size:
            task.bytes_fetched += size
            self.engine.counters.bytes += size
            task.last_data = time.monotonic()
            self._watch_room(task.spec.dest)

    def piece_done(self, task: Task, file: RemoteFile, name: str, content: Content) -> None:
        """A piece has its final name."""
        if task.ledger is None:
            return
        piece = RemoteFile(
            name,
            start=file.start,
            end=file.end,
            content=file.content,
            footer_lines=file.footer_lines,
        )
        if file.split is not None:
            if not task.ledger.known(task.id, [key(name)]):
                task.ledger.add_files(task.id, [piece], flags=PIECE)
        task.ledger.save_done([done_row(task, piece, content, state=SlotState.VERIFIED)])
        task.open.discard(name)
        task.fetched += 1

    def stream_failed(self, task: Task, file: RemoteFile, kind: FailureKind, message: str) -> None:
        """It cannot go on."""
        task.note(kind, message, file=file.name)
        task.open.discard(file.name)
        if kind is FailureKind.DISK:
            self._disk_trouble(task.spec.dest, message)

    def stream_stopped(self, task: Task, file: RemoteFile) -> None:
        """It was told to stop: what has arrived is kept."""
        task.open.discard(file.name)

    def stream_ended(self, task: Task) -> None:
        """Its thread is over."""
        task.streams -= 1
        if task.thread is not None and not task.thread.is_alive() and not task.streams:
            task.ended = True

    def _leave_idle_queues(self, now: float) -> None:
        """Without --wait, a queue that still fills is left once it has nothing more to give."""
        for task in self.tasks:
            status = task.status
            if (
                task.streams
                and not task.stop.is_set()
                and status is not None
                and status.state is not JobState.READY
                and now - task.started > task.spec.wait
                and now - task.last_data > _IDLE
            ):
                task.not_ready = True
                task.stop.set()

    # -- disk ---------------------------------------------------------------------------------------

    def _flush(self) -> None:
        for dest, publisher in self._publishers.items():
            try:
                publisher.flush()
            except (OSError, DiskError) as error:
                text = error.message if isinstance(error, DiskError) else error.strerror
                self._disk_trouble(dest, f"cannot be written: {text or error}")
            else:
                self._watch_room(dest)

    def _watch_room(self, dest: Path) -> None:
        """Stops before the disk is full, so that the ledger can still be written."""
        done = self.engine.counters.bytes
        if done < self._next_room_check or not self.settings.min_free:
            return
        self._next_room_check = done + (16 << 20)
        try:
            room = disk.free(dest)
        except OSError as error:
            self._disk_trouble(dest, f"cannot be looked at: {error.strerror or error}")
            return
        if room < self.settings.min_free:
            self._disk_trouble(
                dest,
                f"only {disk.human(room)} free, {disk.human(self.settings.min_free)} are to stay free"
                " (min_free)",
            )

    def _disk_trouble(self, dest: Path, message: str) -> None:
        if dest in self._disk_full:
            return
        self._disk_full.add(dest)
        for task in self.tasks:
            if task.spec.dest == dest and not task.ended and not task.dead:
                task.note(FailureKind.DISK, f"{dest}: {message}")
                task.dead = True
                task.stop.set()
                task.room.set()
        self.engine.stop_jobs({task.spec.name for task in self.tasks if task.spec.dest == dest})
        for task in self.tasks:
            if task.spec.dest == dest:
                task.open.clear()


_STOPPED = {
    FailureKind.INTERRUPTED: "interrupted; run again to go on",
    FailureKind.TIME_LIMIT: "the time limit was reached; run again to go on",
}


def done_row(
    task: Task, file: RemoteFile, content: Content, *, state: SlotState, message: str | None = None
) -> tuple[object, ...]:
    """A row for Ledger.save_done."""
    return (
        state, content.size, content.sha256, content.records, None, None, message,
        int(time.time()), task.id, key(file.name),
    )  # fmt: skip

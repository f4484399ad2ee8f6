"""The driver: the thread that owns the ledger, the transfers and the end of every job."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from backhaul.config import JobSpec, Settings
from backhaul.descriptors import ScarceError, are_scarce, shares
from backhaul.errors import BackhaulError, DiskError, FailureKind
from backhaul.events import Listener
from backhaul.http.tls import named_bundle
from backhaul.ledger.waiting import WRITING, HeldError
from backhaul.run import deadline
from backhaul.run.acquire import acquire
from backhaul.run.calls import Calls
from backhaul.run.chunked_files import ChunkedFiles
from backhaul.run.claims import Claims
from backhaul.run.context import RunContext
from backhaul.run.endings import Endings
from backhaul.run.job import Job
from backhaul.run.job_coordinator import JobCoordinator
from backhaul.run.job_thread import JobThread
from backhaul.run.ledgers import Ledgers
from backhaul.run.low_water import LowWater
from backhaul.run.result import RunResult
from backhaul.run.start_barrier import StartBarrier
from backhaul.run.task import Task
from backhaul.run.transfer_events import TransferEvents
from backhaul.run.turns import Turns
from backhaul.run.upload_lag import UploadLag
from backhaul.storage.job import stop_stores
from backhaul.storage.location import Location
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.transfer.executor import Setup
from backhaul.transfer.on_demand import OnDemand
from backhaul.transfer.outcome import Outcome
from backhaul.transfer.unit import origin
from backhaul.verify.bounded import ContentLimits

log = logging.getLogger(__name__)

_NAP = 0.05  # seconds between checks for a lock on a ledger
_LOOK = 5.0  # seconds between checks of the deadlines
_SCARCE = 0.5  # seconds before a job that got no descriptors is retried
_PATIENCE = 1.5  # seconds for threads to notice a stop


class Driver:
    """Runs jobs to completion.

    Args:
        specs: the jobs.
        settings: from the YAML, with command-line overrides.
        only_failed: fetch only files that failed before.
        refresh: request everything again and replace what has changed.
        ledger_patience: maximum seconds that another program may hold a ledger's lock.
        load: returns the Provider with a given name; raises PluginError.
        make_http: creates a provider's API session for one job.
        on_tick: called several times per second to display progress; None for no display.
        tell: receives the jobs' events, see backhaul.events; None for no listener.
        tell_files: whether it wants an event for each complete file.

    Attributes:
        all_jobs: in the order of ``specs``.
        under_way: running jobs, by key.
    """

    def __init__(
        self,
        specs: Sequence[JobSpec],
        settings: Settings,
        *,
        only_failed: bool = False,
        refresh: bool = False,
        ledger_patience: float = WRITING,
        load: Callable[[str], Any],
        make_http: Callable[[Any, Any], Any],
        on_tick: "Callable[[Driver], None] | None" = None,
        tell: Listener | None = None,
        tell_files: bool = True,
    ) -> None:
        self.all_jobs = [
            Job(spec, order=order, tell=tell, tell_files=tell_files)
            for order, spec in enumerate(specs)
        ]
        self.under_way: dict[str, Task] = {}
        fits = shares(settings.connections, len({spec.dest for spec in specs}))
        self.turns = Turns(self.all_jobs, fits.jobs)
        self._load = load
        self._make_http = make_http
        self._on_tick = on_tick
        self._next_tick = self._next_look = 0.0
        self._stopping: FailureKind | None = None
        self.barrier = StartBarrier()
        self.started = time.monotonic()
        limits, limit = ContentLimits.of(settings), settings.max_duration
        self._over = self.started + (limit.total_seconds() if limit else math.inf)
        self._calls = Calls(self._is_stopping)
        named_bundle()  # raises ConfigError now rather than with the first file
        setup = Setup(self._deliver, self._crashed, settings, fits.connections)
        self.engine = Dispatcher(OnDemand(setup))
        self.ledgers = Ledgers(
            min_free=settings.min_free_space,
            trouble=self._end_destination,
            moved=lambda *found: self.jobs.moved(*found),  # noqa: PLW0108 - jobs is created later
            published=lambda task, names: self.engine.published(task.key, names),
            remember=self.engine.remember,
            patience=ledger_patience,
            stopped=self._is_stopping,
            post=self._calls.post,
        )
        self._endings = Endings(
            self.under_way,
            end=self.engine.end,
            wake=self._calls.wake,
            durable=settings.durable,
        )
        self._claims = Claims(self._calls.post, self._claimed)
        self.files = TransferEvents(
            self.under_way,
            self.ledgers,
            trouble=self._unwritable,
            withdraw=self._withdraw,
            rejected_limit=settings.rejected_limit,
        )
        self.streams = ChunkedFiles(
            received=lambda task, size: self.engine.received(task.key, size),
            trouble=self._unwritable,
        )
        self.low_water = LowWater(
            self.engine,
            min_free=settings.min_free_space,
            patience=settings.disk_patience.total_seconds(),
            trouble=self._unwritable,
        )
        self._lag = UploadLag(self.engine, self.ledgers, limit=settings.workspace_limit)
        self.jobs = JobCoordinator(
            self.under_way,
            engine=self.engine,
            context=self.files.context,
            links=self.files.links,
            ledgers=self.ledgers,
            low_water=self.low_water,
            barrier=self.barrier,
            turns=self.turns,
            durable=settings.durable,
            only_failed=only_failed,
            refresh=refresh,
        )
        self._context = RunContext(
            calls=self._calls,
            jobs=self.jobs,
            files=self.files,
            streams=self.streams,
            barrier=self.barrier,
            limits=limits,
            durable=settings.durable,
        )

    # -- for other threads and signal handlers ------------------------------------------------------

    def interrupt(self, kind: FailureKind = FailureKind.INTERRUPTED) -> None:
        """Requests a clean stop; safe in signal handlers."""
        self._stopping = kind
        self._calls.wake()
        if kind is FailureKind.INTERRUPTED:
            # now: the driver's own thread may wait for one
            stop_stores({job.spec.dest for job in self.all_jobs})

    def _is_stopping(self) -> bool:
        return self._stopping is not None

    # -- the run ------------------------------------------------------------------------------------

    def run(self) -> RunResult:
        """Runs all jobs. Failures of providers, files, disks and ledgers are reported in the result."""
        try:
            try:
                self._run()
            except (BackhaulError, OSError) as error:
                self._broken(error)
            finally:
                self._close()
            self._finish_all()
        except BaseException:  # unexpected: other runs in this process can have the jobs
            for task in self.under_way.values():
                task.unlock()
            raise
        finally:
            self.ledgers.close()
        return RunResult(
            jobs=tuple(self._endings.results[job.order] for job in self.all_jobs),
            interrupted=self._stopping is FailureKind.INTERRUPTED,
            seconds=time.monotonic() - self.started,
        )

    def _finish_all(self) -> None:
        while left := [job for job in self.all_jobs if job.order not in self._endings.results]:
            ended = [
                self._endings.finish(job) for job in left
            ]  # all begin before any is waited for
            if not any(ended):
                time.sleep(_NAP)

    def _run(self) -> None:
        self.barrier.expect(self.turns.begin())
        self._start(time.monotonic())
        while any(not job.ended for job in self.all_jobs):
            if self._stopping is not None:
                self._stop_all(self._stopping)
                break
            self._turn()

    def _broken(self, error: BackhaulError | OSError) -> None:
        """A ledger failed outside of any job: unfinished work is left to the next run."""
        log.debug("the run ends early", exc_info=error)
        kind = error.kind if isinstance(error, BackhaulError) else FailureKind.DISK
        for job in self.all_jobs:
            if not job.ended and not job.dead:
                job.note(kind, str(error))
        self.engine.stop()

    def _turn(self) -> None:
        self._calls.turn(0.1)
        now = time.monotonic()
        if self.ledgers.due or not self.engine.busy:
            self.ledgers.flush()
        if now >= self._next_tick:
            self._next_tick = now + 0.1
            self._start(now)
            self._tick(now)
        before = len(self.turns.active)
        for job in list(self.turns.active):
            if job.ended:
                self._leave(job)
            elif job.turn.over and not job.listing:
                self._step_back(job, job.turn.at)
            elif job.key in self.under_way:
                self.jobs.advance(self.under_way[job.key])
        if len(self.turns.active) < before and self._stopping is None:
            self._start(now)

    def _tick(self, now: float) -> None:
        self.ledgers.commit()
        if now >= self._over:
            self.interrupt(FailureKind.TIME_LIMIT)
        tasks = list(self.under_way.values())
        self.low_water.watch(tasks, now)
        self._lag.watch(tasks)
        self.streams.leave_idle(tasks, now)
        if now >= self._next_look:
            self._next_look = now + _LOOK
            for task in tasks:
                deadline.watch(task, now)
        if self._on_tick is not None:
            self._on_tick(self)

    # -- opening and closing ------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        """Starts the jobs whose turn it is, except where another program locks the ledger."""
        held: set[Location] = set()
        for job in self.turns.next(now):
            try:
                if job.spec.dest not in held:
                    self._open(job)
                    continue
            except HeldError:
                held.add(job.spec.dest)
            except ScarceError as error:
                self._step_back(job, now + _SCARCE)
                self.turns.fewer()
                if self.turns.has_waited_too_long(job, now):
                    self._ended(job, error)
                return
            self.barrier.answered(job)  # other jobs must not wait for it
            self._step_back(job, now)

    def _step_back(self, job: Job, at: float) -> None:
        """Gives the job's place to others; it is retried later."""
        job.turn.over = False
        task = self.under_way.get(job.key)
        if task is not None and task.lease is not None and job.spec.dest.is_remote:
            self._claims.keep(job, task.lease, task.snapshot)
            task.lease = None
        self._endings.release(job)
        self.turns.back(job, at)
        self._leave_ledger(job.spec.dest)

    def _leave(self, job: Job) -> None:
        """Closes a job that has ended and whose results are written."""
        if self.engine.at_work(job.key) or self.ledgers.uploading(job.key):
            return
        if self._endings.finish(job):
            self.turns.over(job)
            self._leave_ledger(job.spec.dest)

    def _leave_ledger(self, dest: Location) -> None:
        if self.turns.has_waiting_jobs and all(job.spec.dest != dest for job in self.turns.active):
            self.ledgers.leave(dest, self.engine.hosts())

    def _open(self, job: Job) -> None:
        """Starts a job. Raises HeldError, ScarceError: it has to wait."""
        try:
            task = acquire(
                job, self.ledgers, claims=self._claims, load=self._load, make_http=self._make_http
            )
            if task is None:
                self.barrier.answered(job)  # other jobs must not wait for a store
                return
            self.under_way[job.key] = task
            self._begin(task)
        except (HeldError, ScarceError):
            raise
        except BackhaulError as error:
            if are_scarce():
                raise ScarceError from None
            self._ended(job, error)

    def _claimed(self, job: Job) -> None:
        """A job in a store was locked, or cannot be."""
        if not job.ended and self._stopping is None:
            self._step_back(job, 0.0)
            self._start(time.monotonic())

    def _ended(self, job: Job, error: BackhaulError) -> None:
        self._claims.drop(job)
        job.note(error.kind, error.message)
        job.ended = True
        self.barrier.answered(job)

    def _begin(self, task: Task) -> None:
        base_url = getattr(task.spec.source.options, "base_url", None)
        pace = task.provider.info.pace
        if base_url and pace is not None and task.spec.source.pace is None:
            self.engine.pace(origin(base_url), pace)
        JobThread(self._context, task).start()

    def _close(self) -> None:
        tasks = list(self.under_way.values())
        for task in tasks:
            task.end_thread()
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and any(
            task.job.streams or not task.thread_over for task in tasks
        ):
            self._calls.turn(0.05)
        self.engine.close()
        self._calls.turn(0.0)
        self._claims.close(self._calls.turn, _PATIENCE)
        self.ledgers.flush()
        self.ledgers.drain(self._calls.turn, _PATIENCE)
        self._calls.close()
        self.ledgers.save_hosts(self.engine.hosts())

    def _stop_all(self, kind: FailureKind) -> None:
        log.info("stopping; the next run continues from here")
        for task in self.under_way.values():
            task.stop.set()
        for job in self.all_jobs:
            if not job.ended:
                job.note_stop(kind)
        self.engine.stop()

    def _withdraw(self, task: Task) -> None:
        self.engine.withdraw(task.key)
        task.open.intersection_update(self.engine.under_way(task.key))

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Runs on the transfer thread."""
        self._calls.post(self._take, outcomes)

    def _crashed(self, error: BaseException) -> None:
        """Runs on the transfer thread."""
        self._calls.post(self._raise, error)

    def _raise(self, error: BaseException) -> None:
        over = self._stopping is not None or all(job.ended for job in self.all_jobs)
        if not (over and isinstance(error, BackhaulError)):  # else a cluster may be gone by now
            raise error

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.engine.settled(outcome)
            self.files.take(outcome)

    def _end_destination(self, dest: Location, error: BackhaulError) -> None:
        """The destination is no longer writable: ends its jobs; others continue."""
        reason = self.ledgers.reason(dest, error)
        plain = reason is not error or str(dest) in reason.message
        text = reason.message if plain else f"{dest}: {reason.message}"
        jobs = [job for job in self.all_jobs if job.spec.dest == dest and not job.ended]
        self.jobs.end_at_once(jobs, reason.kind, text)

    def _unwritable(self, dest: Location, message: str) -> None:
        self._end_destination(dest, DiskError(message))

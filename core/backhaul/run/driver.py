"""The driver: one thread that owns the ledger, the transfers and the end of every job."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from backhaul.descriptors import PATIENCE, ScarceError, are_scarce, shares
from backhaul.errors import BackhaulError, DiskError, FailureKind
from backhaul.ledger.waiting import HeldError
from backhaul.oserrors import describe
from backhaul.run import deadline
from backhaul.run.books import Books
from backhaul.run.calls import Calls
from backhaul.run.conclude import conclude
from backhaul.run.files import FileDesk
from backhaul.run.first_answers import FirstAnswers
from backhaul.run.job_desk import ROOM, JobDesk
from backhaul.run.job_thread import JobThread
from backhaul.run.low_water import LowWater
from backhaul.run.opening import let_go, open_task
from backhaul.run.result import JobResult, RunResult
from backhaul.run.settings import RunSettings
from backhaul.run.streams import StreamDesk
from backhaul.run.task import Task, TaskSpec
from backhaul.run.turns import Turns
from backhaul.storage.place import MovedError
from backhaul.transfer.engine import Engine
from backhaul.transfer.unit import origin
from backhaul.verify.verifier import Limits

log = logging.getLogger(__name__)
T = TypeVar("T")

_NAP = 0.05  # seconds until another program is looked for again that holds a ledger
_LOOK = 5.0  # seconds between two looks at the deadlines
_SCARCE = 0.5  # seconds until a job that got no descriptors has another turn
_PATIENCE = 1.5  # seconds that threads have to notice a stop
_STOPPED = {
    FailureKind.INTERRUPTED: "interrupted; run again to continue",
    FailureKind.TIME_LIMIT: "the time limit was reached; run again to continue",
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
        fits = shares(settings.connections, len({spec.dest for spec in specs}))
        self.turns = Turns(self.tasks, fits.jobs)
        self._results: dict[int, JobResult] = {}
        self._load = load
        self._make_http = make_http
        self._on_tick = on_tick
        self._next_tick = 0.0
        self._next_look = 0.0
        self._stopping: FailureKind | None = None
        self.answers = FirstAnswers(patience=settings.status_patience)
        self.started = time.monotonic()
        self.books = Books(
            min_free=settings.min_free,
            trouble=self._trouble,
            moved=self.moved,
            published=self._published,
            patience=settings.ledger_patience,
            stopped=lambda: self._stopping is not None,
        )
        self.files = FileDesk(
            {task.key: task for task in self.tasks},
            self.books,
            trouble=lambda task, message: self._trouble(task.spec.dest, DiskError(message)),
            withdraw=self._withdraw,
            rejected_limit=settings.rejected_limit,
        )
        self.streams = StreamDesk(
            received=self._stream_received,
            trouble=lambda task, message: self._trouble(task.spec.dest, DiskError(message)),
        )
        self.engine = Engine(
            self.files,
            connections=fits.connections,
            connections_per_host=settings.connections_per_host,
            retries=settings.retries,
            limit_rate=settings.limit_rate,
            durable=settings.durable,
            max_file_size=settings.max_file_size,
            limits=self.limits,
            patience=settings.patience,
            agent=settings.agent,
            remembered=self.books.remembered,
        )
        self._calls = Calls(self.engine.loop, lambda: self._stopping is not None)
        self.post = self._calls.post
        self.call = self._calls.call
        self.keep = self._calls.keep
        self.low_water = LowWater(
            self.engine,
            min_free=settings.min_free,
            patience=settings.disk_patience,
            trouble=lambda dest, message: self._trouble(dest, DiskError(message)),
        )
        self.jobs = JobDesk(
            self.engine,
            self.books,
            self.low_water,
            self.answers,
            durable=settings.durable,
            only_failed=settings.only_failed,
            refresh=settings.refresh,
        )

    # -- for other threads and signal handlers ------------------------------------------------------

    def interrupt(self, kind: FailureKind = FailureKind.INTERRUPTED) -> None:
        """Asks for a clean stop; safe in signal handlers."""
        self._stopping = kind
        self.engine.loop.wake()

    # -- the run ------------------------------------------------------------------------------------

    def run(self) -> RunResult:
        """Runs all jobs. Raises nothing for what a provider, a file, a disk or a ledger does."""
        try:
            self._run()
        except (BackhaulError, OSError) as error:
            self._broken(error)
        finally:
            self._close()
        for task in self.tasks:
            while task.order not in self._results:
                try:
                    self._finish(task)
                except HeldError:
                    time.sleep(_NAP)
        self.books.close()
        return RunResult(
            jobs=tuple(self._results[task.order] for task in self.tasks),
            interrupted=self._stopping is FailureKind.INTERRUPTED,
            seconds=time.monotonic() - self.started,
        )

    def _run(self) -> None:
        self.answers.expect(self.turns.begin())
        self._start(time.monotonic())
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

    def _finish(self, task: Task) -> None:
        """Writes down what became of a job, and lets go of all that it had. Raises HeldError."""
        self._results[task.order] = self._conclude(task)
        let_go(task)

    def _conclude(self, task: Task) -> JobResult:
        try:
            return conclude(task, self.books.get(task.spec.dest), durable=self.durable)
        except HeldError:
            raise
        except BackhaulError as error:
            if error.kind not in {note.kind for note in task.notes if not note.file}:
                task.note(error.kind, error.message)
            return conclude(task, None)

    def _turn(self) -> None:
        self.engine.turn(0.1)
        now = time.monotonic()
        if self.books.due or not self.engine.busy:
            self.books.flush()
        if now >= self._next_tick:
            self._next_tick = now + 0.1
            self._start(now)
            self._tick(now)
        before = len(self.turns.active)
        for task in list(self.turns.active):
            if task.ended:
                self._leave(task)
            elif task.turn.over and not task.listing:
                self._step_back(task, task.turn.at)
            else:
                self._advance(task)
        if len(self.turns.active) < before and self._stopping is None:
            self._start(now)

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
                deadline.watch(task, now)
        self._on_tick(self)

    def _advance(self, task: Task) -> None:
        """Continues a job whose present wave is over."""
        if len(task.open) < ROOM // 2 and not task.room.is_set():
            task.room.set()
        if task.listing or task.open or task.streams or task.thread is None:
            return
        if not task.ending and self.files.links.wave_over(task):
            self.books.flush()
            task.next_wave()
            return
        if not task.ending:
            task.ending = True
            self.engine.forget(task.key)
            task.orders.put("end")
        elif not task.thread.is_alive():
            task.settle()

    # -- opening and closing ------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        """Begins the jobs whose turn it is, but where another program holds the ledger."""
        held: set[Path] = set()
        for task in self.turns.next(now):
            try:
                if task.spec.dest not in held:
                    self._open(task)
                    continue
            except HeldError:
                held.add(task.spec.dest)
            except ScarceError as error:
                self._step_back(task, now + _SCARCE)
                self.turns.fewer()
                self._scarce(task, error, now)
                return
            self.answers.came(task)  # the others need not wait for it
            self._step_back(task, now)

    def _scarce(self, task: Task, error: ScarceError, now: float) -> None:
        """A job waits for descriptors; in vain when no other job has some to give back."""
        if self.turns.active or task.turn.scarce_since is None:
            task.turn.scarce_since = now
        elif now - task.turn.scarce_since > PATIENCE:
            task.note(error.kind, error.message)
            task.ended = True
            self.answers.came(task)

    def _step_back(self, task: Task, at: float) -> None:
        """A job gives its place to others, and has another turn later."""
        task.turn.over = False
        let_go(task)
        self.turns.back(task, at)
        self._leave_ledger(task.spec.dest)

    def _leave(self, task: Task) -> None:
        """A job has come to its end, and all of it is written."""
        if self.engine.at_work(task.key):
            return
        try:
            self._finish(task)
        except HeldError:
            return  # again, soon
        self.turns.over(task)
        self._leave_ledger(task.spec.dest)

    def _leave_ledger(self, dest: Path) -> None:
        if self.turns.crowded and all(task.spec.dest != dest for task in self.turns.active):
            self.books.leave(dest, self._hosts())

    def _hosts(self) -> list[tuple[str, int]]:
        return [(host.name, host.limit) for host in self.engine.hosts.values()]

    def _open(self, task: Task) -> None:
        """Begins a job. Raises HeldError, ScarceError: it has to wait."""
        try:
            open_task(task, self.books, load=self._load, make_http=self._make_http)
            self._begin(task)
        except (HeldError, ScarceError):
            raise
        except BackhaulError as error:
            if are_scarce():
                raise ScarceError from None
            task.note(error.kind, error.message)
            task.ended = True
            self.answers.came(task)

    def _begin(self, task: Task) -> None:
        base_url = getattr(task.spec.source_options, "base_url", None)
        pace = task.provider.info.pace if task.provider is not None else None
        if base_url and pace is not None:
            self.engine.pace(origin(base_url), pace)
        name = f"backhaul-job-{task.spec.name}"
        thread = Thread(target=JobThread(self, task).run, name=name, daemon=True)
        task.listing = True
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            task.listing = False
            raise ScarceError from None
        task.thread = thread

    def _close(self) -> None:
        for task in self.tasks:
            task.stop.set()
            task.room.set()
            task.orders.put("end")
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and any(
            task.streams or (task.thread is not None and task.thread.is_alive())
            for task in self.tasks
        ):
            self.engine.turn(0.05)
        self.books.flush()
        self.books.save_hosts(self._hosts())
        self.engine.close()

    def _stop_all(self, kind: FailureKind) -> None:
        log.info("stopping: what has arrived is kept")
        for task in self.tasks:
            task.stop.set()
            if not task.ended:
                task.note(kind, _STOPPED[kind])
                if task.disk.text:
                    task.warn(task.disk.text)
        self.engine.stop()

    # -- transfers and the disk -----------------------------------------------------------------------

    def _withdraw(self, task: Task) -> None:
        self.engine.withdraw(task.key)
        task.open &= self.engine.under_way(task.key)

    def _published(self, task: Task, names: Sequence[str]) -> None:
        self.engine.published(task.key, names)

    def _stream_received(self, task: Task, size: int) -> None:
        counters = self.engine.counters
        counters.bytes += size
        counters.by_job[task.key] = counters.by_job.get(task.key, 0) + size

    def _trouble(self, dest: Path, error: BackhaulError) -> None:
        """Nothing more can be written there: its jobs end, all others continue."""
        ledger = self.books.get(dest)
        text = error.message if str(dest) in error.message else f"{dest}: {error.message}"
        try:
            if ledger is not None:
                ledger.check()
        except OSError as moved:
            error, text = DiskError(describe(moved)), describe(moved)  # that is why
        tasks = [task for task in self.tasks if task.spec.dest == dest and not task.ended]
        self._end_at_once(tasks, error.kind, text)

    def moved(self, task: Task, error: MovedError) -> None:
        """A job's folder is not where it was when the job began: the job ends, all others continue."""
        self._end_at_once([task], FailureKind.DISK, describe(error))

    def _end_at_once(self, tasks: Sequence[Task], kind: FailureKind, text: str) -> None:
        for task in tasks:
            if not task.dead:
                task.note(kind, text)
            task.dead = True
            task.stop.set()
            task.room.set()
            task.ended = task.ended or task.thread is None  # it waits for its turn
        self.engine.stop_jobs({task.key for task in tasks})
        for task in tasks:
            task.open.clear()

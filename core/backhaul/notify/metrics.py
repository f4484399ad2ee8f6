"""``settings.metrics``: the state of a run as a file for Prometheus."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Final

from backhaul.errors import FailureKind
from backhaul.events import Event, JobEnded, JobStarted, Progress
from backhaul.notify.metrics_text import Labels, Metric, as_text, samples_of
from backhaul.oserrors import describe
from backhaul.run.result import JobOutcome, JobResult, RunResult
from backhaul.storage.opening import create, open_to_read, remove, replace
from backhaul.types import SlotState

log = logging.getLogger(__name__)

_EVERY: Final = 60.0  # seconds between writes
_MOST: Final = 1 << 24  # bytes of an earlier file that are read
_COMPLETE: Final = "backhaul_job_last_complete_timestamp_seconds"
_STATES: Final = tuple(state.value for state in SlotState if state is not SlotState.PARTIAL)


@dataclass(slots=True)
class JobMetrics:
    """What is known about a job.

    Attributes:
        labels: of its samples.
        started: whether it has started in this run.
        progress: the last one.
        result: once it has ended; ``ended`` says when.
        complete: when it was last complete; None if that is not known.
    """

    labels: Labels
    started: bool = False
    progress: Progress | None = None
    result: JobResult | None = None
    ended: float = 0.0
    complete: float | None = None


class Metrics:
    """Writes the file at the start and the end of the run, and each minute in between.

    Args:
        path: the file. It is replaced atomically, and readable by all users.
        labels: of each job, by the job's folder.
    """

    patience = 10.0

    def __init__(self, path: Path, labels: Mapping[str, Labels]) -> None:
        self._path = path
        self._jobs = {folder: JobMetrics(own) for folder, own in labels.items()}
        self._started = time.time()
        self._result: RunResult | None = None
        self._warned = ""
        self._over = threading.Event()
        self._thread = Thread(target=self._run, name="backhaul-metrics", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the last state is still to be written."""
        return self._thread.is_alive()

    def __call__(self, event: Event) -> None:
        """Receives an event; on the thread that waits for the run."""
        job = self._jobs[event.folder]
        if isinstance(event, JobStarted):
            job.started = True
        elif isinstance(event, Progress):
            job.progress = event
        elif isinstance(event, JobEnded):
            job.ended = time.time()
            job.result = event.result
            if event.result.state is JobOutcome.COMPLETE:
                job.complete = job.ended

    def over(self, result: RunResult | None) -> None:
        """No more events follow."""
        for each in () if result is None else result.jobs:
            job = self._jobs.get(each.folder)
            if job is not None:
                job.result = each  # with the failures of commands
        self._result = result or self._result
        self._over.set()

    def close(self) -> None:
        """Reports that the file is not being written."""
        if self.busy:
            self._warn("cannot be written: the disk does not respond")

    # -- on the thread that writes ------------------------------------------------------------------

    def _run(self) -> None:
        self._remember()
        ended = False
        while not ended:
            ended = self._over.is_set()
            self._write()
            if not ended:
                self._over.wait(_EVERY)

    def _remember(self) -> None:
        """When jobs were last complete, according to the file of an earlier run."""
        try:
            with os.fdopen(open_to_read(self._path), "rb") as file:
                text = file.read(_MOST).decode("utf-8", "replace")
        except OSError as error:
            log.debug("no metrics of an earlier run: %s", error)
            return
        earlier = samples_of(text, _COMPLETE, [job.labels for job in self._jobs.values()])
        for job in self._jobs.values():
            if job.complete is None:
                job.complete = earlier.get(job.labels)

    def _write(self) -> None:
        text = as_text([*self._of_run(), *of_jobs(list(self._jobs.values()))])
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            fd = create(part, mode=0o644)
            try:
                with os.fdopen(fd, "wb") as file:
                    # Regardless of the umask: the collector runs as another user.
                    os.fchmod(fd, 0o644)
                    file.write(text.encode())
                replace(part, self._path)
            finally:
                remove(part)
        except OSError as error:
            self._warn(f"cannot be written: {describe(error, self._path)}")

    def _warn(self, text: str) -> None:
        if text != self._warned:
            self._warned = text
            log.warning("settings.metrics: %s %s", self._path, text)

    def _of_run(self) -> list[Metric]:
        info = Metric("backhaul_build_info", "The version that wrote this file.")
        info.samples[("version", version("backhaul")),] = 1
        start = Metric("backhaul_run_start_timestamp_seconds", "When the last run started.")
        start.samples[()] = self._started
        active = Metric("backhaul_run_active", "Whether the run is in progress.")
        active.samples[()] = not self._over.is_set()
        end = Metric("backhaul_run_end_timestamp_seconds", "When the last run ended.")
        code = Metric("backhaul_run_exit_code", "Exit code of the last run.")
        if self._over.is_set():
            end.samples[()] = time.time()
        if self._result is not None:
            code.samples[()] = int(self._result.exit_code)
        return [info, start, active, end, code]


def of_jobs(jobs: list[JobMetrics]) -> list[Metric]:
    """The metrics of jobs; for those that are not part of the run, only the last success."""
    made: dict[str, Metric] = {}

    def add(name: str, help_text: str, labels: Labels, value: float) -> None:
        made.setdefault(name, Metric(name, help_text)).samples[labels] = value

    for job in jobs:
        own, now, result = job.labels, job.progress, job.result
        if job.complete is not None:
            add(_COMPLETE, "When the job was last complete.", own, job.complete)
        if job.started or result is not None:
            help_text = "Whether the job is in progress."
            add("backhaul_job_active", help_text, own, result is None)
        if now is not None and result is None:
            add("backhaul_job_done_files", "Files finished so far.", own, now.done)
            if now.total is not None:
                add("backhaul_job_listed_files", "Files of the job.", own, now.total)
            add("backhaul_job_fetched_bytes", "Bytes fetched in this run.", own, now.bytes)
        if result is not None:
            _add_result(add_to=made, own=own, result=result, ended=job.ended)
    return list(made.values())


def _add_result(*, add_to: dict[str, Metric], own: Labels, result: JobResult, ended: float) -> None:
    def add(name: str, help_text: str, value: float, *more: tuple[str, str]) -> None:
        add_to.setdefault(name, Metric(name, help_text)).samples[(*own, *more)] = value

    files = result.files
    complete = result.state is JobOutcome.COMPLETE
    add("backhaul_job_complete", "Whether the job was complete when it ended.", complete)
    add("backhaul_job_exit_code", "Exit code of the job alone.", int(result.exit_code))
    add("backhaul_job_end_timestamp_seconds", "When the job last ended.", ended)
    add("backhaul_job_listed_files", "Files of the job.", files.listed)
    add("backhaul_job_fetched_files", "Files fetched in this run.", files.fetched)
    add("backhaul_job_fetched_bytes", "Bytes fetched in this run.", result.bytes_fetched)
    add("backhaul_job_records", "Records of all verified files.", result.records)
    for state, number in files.as_json().items():
        if state in _STATES:
            add("backhaul_job_files", "Files and slots by state.", number, ("state", state))
    kinds = [note.kind for note in result.failures]
    for kind in FailureKind:
        if kind in kinds:
            help_text = "Failures of files and of the job by kind."
            add("backhaul_job_failures", help_text, kinds.count(kind), ("kind", kind.value))

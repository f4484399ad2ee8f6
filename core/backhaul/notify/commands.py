"""``settings.on_job`` and ``settings.on_files``: commands that run one after another in a thread."""

import math
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Final, cast

from backhaul.config.notices import OnFiles, OnJob
from backhaul.events import Event, FileDone, JobEnded, JobStarted
from backhaul.notify.batch import LARGEST, Batch, Waiting
from backhaul.notify.command import Command
from backhaul.notify.event_json import as_line, result_json
from backhaul.notify.problems import Problems
from backhaul.run.result import JobResult, RunResult
from backhaul.wording import count

_LOOK: Final = 0.5  # seconds between looks for batches that have waited long enough
_SEPARATORS: Final = {"newline": b"\n", "nul": b"\0"}


@dataclass(slots=True)
class _Job:
    """What is waiting for a job's commands."""

    name: str
    folder: str
    files: Waiting
    source: str = ""
    provider: str = ""
    result: JobResult | None = None


class Commands:
    """Runs the commands of one configuration; a listener that never delays the run.

    Args:
        on_job: the command for each job that ends.
        on_files: the command for each batch of files.
        home: the folder where they run.
        problems: receives what goes wrong.
        stopped: whether the run was stopped: then the running command is terminated, and no other starts.
    """

    patience = math.inf

    def __init__(
        self,
        on_job: OnJob | None,
        on_files: OnFiles | None,
        *,
        home: Path,
        problems: Problems,
        stopped: Callable[[], bool],
    ) -> None:
        self._on_job = on_job
        self._on_files = on_files
        self._home = home
        self._problems = problems
        self._stopped = stopped
        self._separator = _SEPARATORS[on_files.separator] if on_files else b""
        self._jobs: dict[str, _Job] = {}
        self._change = threading.Condition()
        self._over = False
        self._thread = Thread(target=self._run, name="backhaul-commands", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Takes an event; on the thread that waits for the run."""
        if not isinstance(event, JobStarted | FileDone | JobEnded):
            return
        with self._change:
            job = self._jobs.get(event.folder)
            if job is None:
                job = _Job(event.job, event.folder, Waiting(self._separator))
                self._jobs[event.folder] = job
            if isinstance(event, JobStarted):
                job.source, job.provider = event.source, event.provider
            elif isinstance(event, JobEnded):
                job.result = event.result
                self._change.notify()
            elif self._on_files is not None:
                job.files.add(event.file)
                if job.files.count == self._on_files.batch:
                    self._change.notify()

    def over(self, result: RunResult | None) -> None:
        """No more events follow; the thread ends after the last command."""
        del result
        with self._change:
            self._over = True
            self._change.notify()

    @property
    def busy(self) -> bool:
        """Whether commands are running or waiting."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Reports the commands that were not run because the run was stopped."""
        with self._change:
            jobs = list(self._jobs.values())
            self._jobs.clear()
        for job in jobs:
            self._lose(job, job.files.count + job.files.lost, "the run was stopped")
            job.files.close()
            if self._on_job is not None and job.result is not None and not _was_stopped(job.result):
                self._add("on_job", job, "not run: the run was stopped")

    # -- on the thread that runs them ---------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped():
            with self._change:
                found = self._next()
                if found is None:
                    if self._over:
                        return
                    self._change.wait(_LOOK)
                    continue
            job, batch = found
            if batch is not None:
                self._tell_files(job, batch)
            elif job.result is not None:
                self._tell_job(job, job.result)

    def _next(self) -> tuple[_Job, Batch | None] | None:
        """The next command: a job and a batch of its files, or a job that has ended."""
        for job in self._jobs.values():
            batch = job.files.take(lambda batch, job=job: self._is_due(batch, job))  # type: ignore[misc]  # mypy does not see the default's type
            if batch is not None:
                return job, batch
            if job.result is not None:
                del self._jobs[job.folder]
                self._lose(job, job.files.lost, "too many files were waiting, or the disk is full")
                return job, None
        return None

    def _is_due(self, batch: Batch, job: _Job) -> bool:
        settings = self._on_files
        return settings is not None and (
            batch.count >= min(settings.batch, LARGEST)
            or job.result is not None
            or time.monotonic() - batch.since >= settings.wait.total_seconds()
        )

    def _lose(self, job: _Job, number: int, why: str) -> None:
        if number and self._on_files is not None:
            self._add("on_files", job, f"not run for {count(number, 'file')}: {why}")

    def _tell_files(self, job: _Job, batch: Batch) -> None:
        settings = self._on_files
        if settings is not None:
            fields = {**_fields(job), "count": batch.count}
            self._do("on_files", settings, job, fields, batch.file)

    def _tell_job(self, job: _Job, result: JobResult) -> None:
        settings = self._on_job
        if settings is None:
            return
        with tempfile.SpooledTemporaryFile() as file:
            file.write(as_line(result_json(result)))
            fields = {
                **_fields(job),
                "source": result.source,
                "provider": result.provider,
                "state": result.state.value,
                "exit_code": int(result.exit_code),
                "records": result.records,
                "bytes_fetched": result.bytes_fetched,
                **result.files.as_json(),
            }
            self._do("on_job", settings, job, fields, cast("IO[bytes]", file))

    def _do(
        self,
        setting: str,
        settings: OnJob | OnFiles,
        job: _Job,
        fields: dict[str, object],
        stdin: IO[bytes],
    ) -> None:
        command = Command(settings.command, self._home, settings.timeout.total_seconds())
        with stdin:
            problem = command.run(f"{job.name}: {setting}", fields, stdin, stopped=self._stopped)
        if problem is not None:
            self._add(setting, job, problem)

    def _add(self, setting: str, job: _Job, text: str) -> None:
        settings = self._on_job if setting == "on_job" else self._on_files
        fails = settings is not None and settings.on_error == "fail"
        self._problems.add(setting, job.name, job.folder, text, fails=fails)


def _was_stopped(result: JobResult) -> bool:
    return any(note.kind.is_stop for note in result.failures)


def _fields(job: _Job) -> dict[str, object]:
    return {"job": job.name, "folder": job.folder, "source": job.source, "provider": job.provider}

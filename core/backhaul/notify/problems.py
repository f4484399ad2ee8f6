"""Problems with notifications, by job; they become part of the run's result."""

import logging
from dataclasses import dataclass, replace

from backhaul.errors import FailureKind, FailureReport
from backhaul.foreign import line
from backhaul.run.result import JobResult, RunResult
from backhaul.wording import count

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Problem:
    first: str
    fails: bool
    times: int = 1


class Problems:
    """Collects problems: the first of each setting and job, and the number of the others."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Problem] = {}

    def add(self, setting: str, job: str, folder: str, text: str, *, fails: bool = False) -> None:
        """Adds a problem.

        Args:
            setting: the notification's setting, such as ``on_job``.
            job: the job's name.
            folder: the job's folder.
            text: what went wrong.
            fails: whether it is a failure of the job, not a warning.
        """
        log.info("%s: %s: %s", job, setting, text)
        before = self._found.get((folder, setting))
        if before is None:
            self._found[folder, setting] = _Problem(text, fails)
        else:
            before.times += 1

    def into(self, result: RunResult) -> RunResult:
        """The result with the problems added, as warnings and failures of their jobs."""
        if not self._found:
            return result
        return replace(result, jobs=tuple(self._into(job) for job in result.jobs))

    def _into(self, job: JobResult) -> JobResult:
        for (folder, setting), problem in self._found.items():
            if folder != job.folder:
                continue
            more = f" (and {count(problem.times - 1, 'more problem')})" if problem.times > 1 else ""
            text = line(f"{setting}: {problem.first}{more}")
            if problem.fails:
                note = FailureReport(kind=FailureKind.COMMAND, message=text)
                job = replace(job, failures=(*job.failures, note))
            else:
                job = replace(job, warnings=(*job.warnings, text))
        return job

"""The result of a run, as values and as the stable JSON."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backhaul.errors import ExitCode, FailureReport, worst


class JobOutcome(StrEnum):
    """How a job ended.

    COMPLETE: nothing failed, and nothing is left to fetch; there may be gaps. PARTIAL: something failed, or
    the run was stopped. NOT_READY: the provider has not delivered the job yet. FAILED: something failed,
    and none of the files are in the archive.
    """

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_READY = "not_ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """Counts of a job's files.

    Attributes:
        listed: all files that the provider lists or has listed.
        verified: complete files in the archive, including suspect ones.
        fetched: files downloaded by this run.
        skipped: files that were present already.
        failed: files that could not be fetched.
        silent: slots without a file in a complete list.
        missing: listed or expected files that the provider does not have.
        corrupt: damaged files.
        suspect: complete files that the provider marks as doubtful, or with records that cannot be
            parsed.
        replaced: files of which this run fetched a newer version.
        pending: files and slots that are not due yet, and files that have not arrived completely.
        lost: files that were present, and cannot be fetched again.
        unknown: files and slots whose state cannot be determined.
    """

    listed: int = 0
    verified: int = 0
    fetched: int = 0
    skipped: int = 0
    failed: int = 0
    silent: int = 0
    missing: int = 0
    corrupt: int = 0
    suspect: int = 0
    replaced: int = 0
    pending: int = 0
    lost: int = 0
    unknown: int = 0

    def as_json(self) -> dict[str, int]:
        """Returns what the command prints with ``--json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The result of one job.

    Attributes:
        job, source, provider: as in the YAML.
        state: how it ended.
        files: counts of its files.
        bytes_fetched: bytes fetched by this run, as stored.
        records: records in all its verified files.
        failures: what went wrong, with single files or the whole job.
        warnings: what the user should know.
        message: the provider's message about the job.
        folder: path or URL of its files.
        rejected: folder of its rejected bodies, which exists only if there are any.
    """

    job: str
    source: str
    provider: str
    state: JobOutcome
    files: FileCounts = field(default_factory=FileCounts)
    bytes_fetched: int = 0
    records: int = 0
    failures: tuple[FailureReport, ...] = ()
    warnings: tuple[str, ...] = ()
    message: str = ""
    folder: str = ""
    rejected: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this job alone."""
        codes = {note.exit_code for note in self.failures}
        if self.state is JobOutcome.NOT_READY:
            codes.add(ExitCode.NOT_READY)
        elif self.state is not JobOutcome.COMPLETE and not codes:
            codes.add(ExitCode.INCOMPLETE)
        return worst(codes)

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "job": self.job,
            "source": self.source,
            "provider": self.provider,
            "state": self.state.value,
            "files": self.files.as_json(),
            "bytes_fetched": self.bytes_fetched,
            "records": self.records,
            "failures": [
                note.as_json("file", "kind", "message", "rejected") for note in self.failures
            ],
            "warnings": list(self.warnings),
            "message": self.message,
            "folder": self.folder,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of a run.

    Attributes:
        jobs: the result of each job.
        interrupted: whether ``stop``, Ctrl-C or a signal ended it.
        seconds: its duration.
    """

    jobs: tuple[JobResult, ...]
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        codes = [job.exit_code for job in self.jobs]
        if self.interrupted:
            codes.append(ExitCode.INTERRUPTED)
        return worst(codes)

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "exit_code": int(self.exit_code),
            "jobs": [job.as_json() for job in self.jobs],
            "seconds": round(self.seconds, 3),
        }

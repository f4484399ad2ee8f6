"""The result of a run, as values and as the stable JSON."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backhaul.errors import ExitCode, FailureReport, worst


class JobOutcome(StrEnum):
    """How a job ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_READY = "not_ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """Counts of a job's files by outcome."""

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
        """The contract's JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The result of one job; ``rejected``: the folder of its rejected bodies."""

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
        """The contract's JSON."""
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
    """The result of all jobs."""

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
        """The contract's JSON."""
        return {
            "exit_code": int(self.exit_code),
            "jobs": [job.as_json() for job in self.jobs],
            "seconds": round(self.seconds, 3),
        }

"""The results of a roll-up, as values and as JSON."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backhaul import BackhaulError, ExitCode, LineTooLongError
from backhaul.commands import describe, moment, wording, worst
from backhaul_rollup.gaps import Gap


class Outcome(StrEnum):
    """The outcome of one output."""

    WRITTEN = "written"
    UP_TO_DATE = "up_to_date"
    REFUSED = "refused"
    NOT_DUE = "not_due"
    DAMAGED = "damaged"
    LINE_TOO_LONG = "line_too_long"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    EMPTY = "empty"


def failed(error: BackhaulError | OSError) -> tuple[Outcome, str]:
    """The outcome of an output that failed, and why."""
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Outcome.FAILED, f"{place}{describe(error)}"
    if isinstance(error, LineTooLongError):
        return Outcome.LINE_TOO_LONG, error.message
    # The file is intact, but its records cannot be read.
    whole = error.exit_code is ExitCode.INCOMPLETE
    return (Outcome.UNREADABLE if whole else Outcome.DAMAGED), error.message


_EXITS = {
    Outcome.REFUSED: ExitCode.INCOMPLETE,
    Outcome.DAMAGED: ExitCode.VERIFICATION,
    Outcome.LINE_TOO_LONG: ExitCode.INCOMPLETE,
    Outcome.UNREADABLE: ExitCode.INCOMPLETE,
    Outcome.FAILED: ExitCode.DISK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputResult:
    """One output, or the reason that there is none.

    Attributes:
        file: its name in the job's roll-up folder.
        start, end: Unix seconds; None for tables.
        outcome: whether it was written.
        files: number of files in it; ``joined`` of them without being recompressed.
        records: rows or lines in it; ``listed``: how many were verified in the files, None if the
            records of some were not counted.
        gaps: incomplete slots, including those that the provider never had.
        message: what is wrong; ``notes``: remarks for the user.
    """

    file: str
    outcome: Outcome
    start: int | None = None
    end: int | None = None
    files: int = 0
    joined: int = 0
    records: int | None = None
    listed: int | None = None
    size: int | None = None
    sha256: str | None = None
    gaps: tuple[Gap, ...] = ()
    message: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Stable keys; ``slots`` as in ``gaps --json``."""
        return {
            "file": self.file,
            "start": wording.iso(moment(self.start)),
            "end": wording.iso(moment(self.end)),
            "state": self.outcome.value,
            "files": self.files,
            "joined": self.joined,
            "records_before": self.listed,
            "records": self.records,
            "size": self.size,
            "sha256": self.sha256,
            "gaps": [gap.as_json() for gap in self.gaps],
            "message": self.message,
            "notes": list(self.notes),
        }


@dataclass(slots=True, kw_only=True)
class JobRollup:
    """All outputs of a job.

    Attributes:
        job, folder: the job, and the folder of the outputs.
        outputs: in order of time, tables last.
        left_out: number of verified files without records or without a period.
        message: why nothing was done; empty otherwise; ``failure``: the exit code for that.
    """

    job: str
    folder: str
    outputs: list[OutputResult] = field(default_factory=list)
    left_out: int = 0
    message: str = ""
    failure: ExitCode = ExitCode.OK

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this job alone."""
        codes = {_EXITS.get(output.outcome, ExitCode.OK) for output in self.outputs}
        return worst([*codes, self.failure])

    def as_json(self) -> dict[str, Any]:
        """Stable keys."""
        return {
            "job": self.job,
            "folder": self.folder,
            "outputs": [output.as_json() for output in self.outputs],
            "left_out": self.left_out,
            "message": self.message,
        }

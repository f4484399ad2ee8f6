"""The plan of a run, as values and as the stable JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.errors import ExitCode, FailureReport, worst
from backhaul.types import JobState
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What a run would do for one job.

    Attributes:
        job, source, provider: as in the YAML.
        state: the job's state at its provider; None if it could not be asked.
        message, warnings: the provider's remarks.
        error: why it could not be planned; None if it was.
        listed: number of files that the provider lists.
        files: number of files to fetch; None if unknown in advance (a queue).
        bytes: bytes to fetch; None if the provider does not say.
        unsafe: number of listed files whose names cannot be used.
        api_calls: API calls made for the plan, which a run makes again.
        cost: rate points of these calls, if the provider charges for them.
        rate: estimated bytes per second; None if unknown.
        seconds: estimated duration.
        finished: estimated seconds from now until it completes; jobs that expire earlier go first.
        expires: when the provider deletes the data.
        now: when the plan was made.
    """

    job: str
    source: str
    provider: str
    state: JobState | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    error: FailureReport | None = None
    listed: int = 0
    files: int | None = None
    bytes: int | None = None
    unsafe: int = 0
    api_calls: int | None = None
    cost: float | None = None
    rate: float | None = None
    seconds: float | None = None
    finished: float | None = None
    expires: datetime | None = None
    now: datetime

    @property
    def late(self) -> bool:
        """Whether it is unlikely to finish before the provider deletes the data."""
        if self.expires is None or self.finished is None or not self.files:
            return False
        return (self.expires - self.now).total_seconds() < self.finished

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``plan`` for this job alone."""
        if self.error is not None:
            return self.error.exit_code
        if self.state is JobState.FAILED:
            return ExitCode.INCOMPLETE
        if self.state is JobState.EXPIRED:
            return ExitCode.EXPIRED
        return ExitCode.TIME_LIMIT if self.late else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "job": self.job,
            "source": self.source,
            "provider": self.provider,
            "state": self.state.value if self.state is not None else None,
            "files": self.files,
            "bytes": self.bytes,
            "api_calls": self.api_calls,
            "expires_at": iso(self.expires),
            "listed": self.listed if self.files is not None else None,
            "rate_cost": self.cost,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "late": self.late,
            "message": self.message,
            "warnings": list(self.warnings),
            "error": None if self.error is None else self.error.as_json("kind", "message"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskNeed:
    """The bytes to fetch to one destination, and whether they fit.

    Attributes:
        dest: the destination.
        needed: bytes to fetch, as far as known.
        free: free bytes on its disk; None if unknown.
        keep_free: bytes that must remain free (``min_free_space``).
        fits: whether there is enough space; None if unknown.
    """

    dest: str
    needed: int
    free: int | None
    keep_free: int
    fits: bool | None

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do.

    Attributes:
        jobs: the plan of each job.
        disks: the space needed at each destination.
    """

    jobs: tuple[JobPlan, ...]
    disks: tuple[DiskNeed, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        full = [ExitCode.DISK for each in self.disks if each.fits is False]
        return worst([each.exit_code for each in self.jobs] + full)

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "exit_code": int(self.exit_code),
            "jobs": [each.as_json() for each in self.jobs],
            "disks": [each.as_json() for each in self.disks],
        }

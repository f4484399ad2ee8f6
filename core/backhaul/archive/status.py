"""The state of jobs at their providers and locally, as values and as the stable JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from backhaul.archive.coverage import count_silence
from backhaul.archive.jobs import KnownJob
from backhaul.errors import ExitCode, FailureReport, worst
from backhaul.ledger.rows import JobRow, moment
from backhaul.storage.job import url_of
from backhaul.types import JobStatus, SlotState
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class AtProvider:
    """What the provider said about a job when it was last asked.

    Attributes:
        state: ``ready``, ``running``, ``failed``, ...
        percent: progress; None if the provider does not say.
        message, warnings: its remarks.
        expires: when it deletes the data.
        files, records, bytes: its own totals.
        asked: when it was asked.
        ready_in: seconds until it expects the job to be ready.
    """

    state: str
    percent: float | None
    message: str
    expires: datetime | None
    files: int | None
    records: int | None
    bytes: int | None
    warnings: tuple[str, ...]
    asked: datetime | None
    ready_in: float | None = None

    @classmethod
    def now(cls, found: JobStatus) -> "AtProvider":
        """Creates it from a status that the provider has just returned."""
        totals = found.totals
        return cls(
            state=found.state.value,
            percent=found.percent,
            message=found.message,
            expires=found.expires,
            files=totals.files if totals else None,
            records=totals.records if totals else None,
            bytes=totals.bytes if totals else None,
            warnings=tuple(found.warnings),
            asked=datetime.now(UTC).replace(microsecond=0),
            ready_in=found.retry_after,
        )

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "state": self.state,
            "percent": self.percent,
            "message": self.message,
            "expires_at": iso(self.expires),
            "files": self.files,
            "records": self.records,
            "bytes": self.bytes,
            "warnings": list(self.warnings),
            "asked_at": iso(self.asked),
            "ready_in": self.ready_in,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The local state of a job.

    Attributes:
        listed: number of files in the ledger.
        states: number of files by state.
        unknown: number of slots whose state cannot be determined.
        records: total records of verified files.
        folder: where the files are.
    """

    listed: int
    states: Mapping[SlotState, int]
    unknown: int
    records: int
    folder: str

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        counted = [state for state in SlotState if state is not SlotState.SILENT]
        return {
            "listed": self.listed,
            **{state.value: self.states.get(state, 0) for state in counted},
            "unknown": self.unknown,
            "records": self.records,
            "folder": self.folder,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStanding:
    """A job's state at its provider and locally.

    Attributes:
        job, source, provider: as in the configuration.
        at_provider: what the provider said last; None if it was never asked.
        refused: the error with which the provider refused the last request; None if it answered.
        error: why the provider could not be asked now; None if it was asked, or if offline.
        doubt: why silent slots cannot be determined; empty if they can.
        here: the local state.
    """

    job: str
    source: str
    provider: str
    at_provider: AtProvider | None
    refused: FailureReport | None
    error: FailureReport | None
    doubt: str
    here: Here

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "job": self.job,
            "source": self.source,
            "provider": self.provider,
            "at_provider": None if self.at_provider is None else self.at_provider.as_json(),
            "refused": None
            if self.refused is None
            else self.refused.as_json("at", "kind", "message"),
            "doubt": self.doubt,
            "here": self.here.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of all jobs.

    Attributes:
        jobs: the state of each job.
    """

    jobs: tuple[JobStanding, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return worst([job.error.exit_code for job in self.jobs if job.error is not None])

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {"exit_code": int(self.exit_code), "jobs": [job.as_json() for job in self.jobs]}


class NoStatus(NamedTuple):
    """Why a job's provider gave no status; ``by_provider``: it refused."""

    error: FailureReport
    by_provider: bool


def standing_of(known: KnownJob, answer: AtProvider | NoStatus | None) -> JobStanding:
    """A job's state; ``answer``: its provider's answer, None if it was not asked now."""
    row = known.row
    current = answer if isinstance(answer, AtProvider) else None
    error = answer.error if isinstance(answer, NoStatus) else None
    refused = None
    if isinstance(answer, NoStatus) and answer.by_provider:
        refused = replace(answer.error, at=datetime.now(UTC).replace(microsecond=0))
    elif current is None and row is not None:
        refused = _last_refusal(row)
    return JobStanding(
        job=known.name,
        source=known.source,
        provider=known.provider,
        at_provider=current or _last_status(known),
        refused=refused,
        error=error,
        doubt=row.doubt if row is not None else "",
        here=_here(known),
    )


def _last_refusal(row: JobRow) -> FailureReport | None:
    refusal, at = row.refused_with(), moment(row.refused)
    if refusal is None or at is None:
        return None
    kind, message = refusal
    return FailureReport(kind=kind, message=message, at=at.replace(microsecond=0))


def _last_status(known: KnownJob) -> AtProvider | None:
    row = known.row
    if row is None or row.asked is None:
        return None
    return AtProvider(
        state=row.state,
        percent=row.percent,
        message=row.message,
        expires=moment(row.expires),
        files=row.total_files,
        records=row.total_records,
        bytes=row.total_bytes,
        warnings=tuple(row.warning_texts()),
        asked=moment(row.asked),
    )


def _here(known: KnownJob) -> Here:
    row = known.row
    summary = known.ledger.inventory.summary(row.id, row.window) if row is not None else None
    states = dict(summary.data) if summary is not None else {}
    return Here(
        listed=sum(states.values()),
        states=states,
        unknown=count_silence(known.ledger, row).unknown if row and row.doubt else 0,
        records=summary.all_records if summary is not None else 0,
        folder=url_of(known.dest, known.name),
    )

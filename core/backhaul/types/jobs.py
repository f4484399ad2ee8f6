"""A job at the provider: its listing and its status."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backhaul import checks
from backhaul.types.states import JobState, SlotState


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the provider lists it.

    Attributes:
        id: the provider's identifier, unique within the account.
        title: human-readable name.
        state: its current state.
        start, end: the period that it covers, UTC, half-open.
        meta: other information from the provider, for ``backhaul jobs --json``.
    """

    id: str
    title: str = ""
    _: KW_ONLY
    state: JobState = JobState.READY
    start: datetime | None = None
    end: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.text(self, "id")
        checks.a(self, "title", str)
        checks.a(self, "state", JobState)
        checks.period(self)


@dataclass(frozen=True, slots=True)
class Totals:
    """The provider's own totals for a job; None where unknown.

    Attributes:
        files: number of files.
        records: number of records.
        bytes: size of all files, as stored.
    """

    files: int | None = None
    records: int | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("files", "records", "bytes"):
            checks.count(self, name, optional=True)


@dataclass(frozen=True, slots=True)
class Slots:
    """A series of equal slots, or a single slot.

    Attributes:
        start: the first slot's start.
        end: the last slot's end, exclusive.
        every: length of a slot; None: a single slot.
        state: the provider's own state for it; None: derived from the files.
        records: the provider's count of records.
        note: a human-readable remark.
    """

    start: datetime
    end: datetime
    _: KW_ONLY
    every: timedelta | None = None
    state: SlotState | None = None
    records: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if getattr(self, name) is None:
                checks.wrong(self, name, "a datetime")
        checks.period(self)
        checks.a(self, "state", SlotState, optional=True)
        if self.every is not None and self.every.total_seconds() <= 0:
            checks.wrong(self, "every", "a timedelta above zero")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job's state at the provider.

    Attributes:
        state: the job's state; only READY jobs are resolved.
        percent: progress, 0 to 100; for display only.
        message: the provider's own message.
        expires: when the provider deletes the data.
        totals: the provider's own totals, to reconcile against.
        slots: the slots that the job covers; a slot without a file is silent once the listing is
            complete, it agrees with the provider's own counts, and each file that is not
            ``optional`` has a period.
        retry_after: seconds to wait before asking again (the provider's estimate).
        partial: whether a job that is still running has data that can be fetched (from a queue, say); the
            run fetches what is available, and the job is complete only once it is READY.
        warnings: what the user should know (data lost by the provider, say).
        identity: keys of the job's identity that only the provider knows, by their YAML names:
            the ``id`` of a job that the YAML names by title (see ``backhaul.Identity``).
        missing_run: if this many optional files in a row are missing, they are ``unknown`` instead, and the
            job fails as ``not_found``. Counted in time order, per series (see ``ProviderInfo.series``),
            across runs, from the first file that ever existed. 0: every missing file is a gap.
        doubt: why the provider's answer does not prove which slots are silent (its list contradicts
            its counts, say); slots without a file are then ``unknown``. The core itself checks that
            ``totals.files`` equals the number of files listed.
        bounded: whether the slots are exactly the period in the YAML, so that files that start after its end
            are no longer part of the job; if False, files that disappear from the end of the list are lost.
    """

    state: JobState
    percent: float | None = None
    message: str = ""
    _: KW_ONLY
    expires: datetime | None = None
    totals: Totals | None = None
    slots: tuple[Slots, ...] = ()
    retry_after: float | None = None
    partial: bool = False
    warnings: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    missing_run: int = 0
    doubt: str = ""
    bounded: bool = False

    def __post_init__(self) -> None:
        checks.a(self, "state", JobState)
        checks.number(self, "percent")
        checks.number(self, "retry_after", "a number of seconds")
        checks.count(self, "missing_run")
        checks.a(self, "message", str)
        checks.a(self, "doubt", str)
        checks.moment(self, "expires")
        checks.a(self, "totals", Totals, optional=True)
        checks.all_of(self, "slots", Slots)
        checks.all_of(self, "warnings", str)
        checks.mapping(self, "identity")
        if any(type(word) is not str for pair in self.identity.items() for word in pair):
            checks.wrong(self, "identity", "a mapping of str to str")

"""A job at the provider: as it is listed, and where it is."""

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
        id: what names it at the provider; unique in the account.
        title: its name for people.
        state: how far it is.
        start, end: the period that it covers, UTC, half-open.
        meta: what else the provider says of it, for ``backhaul jobs --json``.
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
    """What the provider itself says that a job holds; None where it does not say.

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
    """A run of equal slots, or a single one.

    Attributes:
        start: the first slot's start.
        end: the last slot's end, exclusive.
        every: length of a slot; None: the whole is one slot.
        state: what the provider itself says of it; None: the files decide.
        records: the provider's own count.
        note: a word for people.
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
        state: where it is; only READY jobs are resolved.
        percent: how much is done, 0 to 100; for show only.
        message: the provider's own words.
        expires: when the provider deletes the data.
        totals: the provider's own totals, to reconcile with.
        slots: the slots that the job covers; a slot without a file is silent once the job is listed
            whole, the list agrees with the provider's own counts, and each file that is not
            ``optional`` has a period.
        retry_after: seconds, after which asking again is worth it (an estimate of the provider's).
        partial: the job is still running, yet its data can be fetched now (a queue that drains);
            the run fetches what there is, and the job is not complete before READY.
        warnings: things a person should know (data lost at the provider's side, say).
        identity: keys of the job's identity that only the provider knows, by their names in YAML:
            the ``id`` of a job that the YAML names by its title (see ``backhaul.Identity``).
        missing_run: so many optional files in a row that are not there are not believed: they are
            ``unknown``, and the job fails as ``not_found``. Counted by time, apart for each series
            (see ``ProviderInfo.series``), earlier runs included; those before the first one that
            ever was there do not count. 0: each is a gap, however many there are.
        doubt: why the provider's own words do not prove which slots are silent (its list contradicts
            its counts, say); then a slot without a file is ``unknown``. Where ``totals.files`` differs
            from the number of files listed, the core says so itself.
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

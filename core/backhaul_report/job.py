"""The report's data on one job, from the ledger and the disk."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backhaul import ExitCode, JobState, Proof, SlotState, Totals
from backhaul.commands import HERE, JobRow, KnownJob, SlotView, moment, notes, redact, worst
from backhaul_report.data import PageData
from backhaul_report.problems import Problems
from backhaul_report.rejects import Rejects
from backhaul_report.series import Series, read_series
from backhaul_rollup import Provided

_MOST_GAPS = 300


class Standing(StrEnum):
    """A job's state: the outcomes of a run, or not run yet."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_READY = "not ready"
    FAILED = "failed"
    UNKNOWN = "never run"


@dataclass(slots=True, kw_only=True)
class Gap:
    """Consecutive slots that are not verified for the same reason."""

    start: datetime | None
    end: datetime | None
    state: SlotState
    reason: str
    file: str | None
    slots: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """The report's data on one job.

    Attributes:
        slots, files: how many are in which state.
        listed: files that the provider lists.
        records, size: verified records and bytes, of what counts towards the provider's totals.
        reported: the provider's own totals.
        gaps: the first few hundred; ``more_gaps`` counts the others.
        place: prefix of links to its files; empty if there are none.
        names_all: whether the page names the verified files too.
        counts_records: whether any file's records were counted; those of documents are not.
        proofs: how many files each set of evidence proves to be complete.
        rejects: downloads that failed verification and were kept.
    """

    name: str
    source: str
    provider: str
    standing: Standing
    message: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    expires: datetime | None = None
    listed_whole: bool = False
    slots: Counter[SlotState] = field(default_factory=Counter)
    files: Counter[SlotState] = field(default_factory=Counter)
    counted: int = 0
    records: int = 0
    size: int = 0
    reported: Totals = field(default_factory=Totals)
    problems: Problems = field(default_factory=Problems)
    gaps: tuple[Gap, ...] = ()
    more_gaps: int = 0
    place: str = ""
    names_all: bool = True
    counts_records: bool = False
    proofs: tuple[tuple[Proof, int], ...] = ()
    rejects: Rejects = field(default_factory=Rejects)
    row: JobRow | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a run that ends with the job in this state."""
        codes = set(self.problems.exit_codes())
        if self.standing is Standing.NOT_READY:
            codes.add(ExitCode.NOT_READY)
        elif self.standing in (Standing.PARTIAL, Standing.FAILED) and not codes:
            codes.add(ExitCode.INCOMPLETE)
        return worst(codes)


def read_job(
    known: KnownJob,
    *,
    data: PageData,
    place: str = "",
    rejects: Rejects | None = None,
    provided: Provided | None = None,
) -> JobReport:
    """Collect the data on a job, in constant memory. Raises LedgerError, OSError.

    Args:
        known: the job.
        data: receives its slots, files and series.
        place: prefix of links to its files.
        rejects: its rejected downloads.
        provided: the provider's additions to the roll-up; its tables become time series.
    """
    name, source, provider, row = known.name, known.source, known.provider, known.row
    if row is None:
        return JobReport(name=name, source=source, provider=provider, standing=Standing.UNKNOWN)
    here = known.summary()
    columns = data.columns(row.slot_runs())
    slots: Counter[SlotState] = Counter()
    files: Counter[SlotState] = Counter()
    problems = Problems()
    gaps = Gaps()
    problems.of_job(row)
    names_all = data.names(known.count())
    for slot in known.ranges(brief=not names_all):
        if slot.start is not None:  # a file without a period is not data
            slots[slot.state] += slot.slots
        if slot.state is SlotState.VERIFIED and not slot.found:
            files[SlotState.VERIFIED] += slot.slots  # one file each
        if slot.names:
            files[slot.state] += slot.slots
            problems.of_absent(slot)
        for each, state, reason in slot.found:
            if columns.is_new(each):
                files[state] += 1
                problems.of_file(each, state, reason)
        columns.add(slot)
        gaps.add(slot)
    series: tuple[Series, ...] = ()
    warnings = list(row.warning_texts())
    if provided is not None and provided.derive is not None and known.folder is not None:
        series, why_not = read_series(known, provided)
        warnings += [f"no series can be drawn: {why_not}"] if why_not else []
    data.add(name, columns, series, place=place)
    return JobReport(
        name=name,
        source=source,
        provider=provider,
        standing=_standing(row, files, problems),
        message=redact(row.message),
        notes=tuple(redact(text) for text in notes(row)),
        warnings=tuple(redact(text) for text in warnings),
        expires=moment(row.expires),
        listed_whole=row.listed is not None,
        slots=slots,
        files=files,
        counted=here.files,
        records=here.records,
        size=here.bytes,
        reported=Totals(files=row.total_files, records=row.total_records, bytes=row.total_bytes),
        problems=problems,
        gaps=tuple(gaps.first),
        more_gaps=gaps.more,
        place=place,
        names_all=names_all,
        counts_records=columns.counts_records,
        proofs=tuple(known.proofs()),
        rejects=rejects or Rejects(),
        row=row,
    )


def _standing(row: JobRow, files: Counter[SlotState], problems: Problems) -> Standing:
    here = sum(files[state] for state in HERE)
    waiting = files[SlotState.PENDING] + files[SlotState.PARTIAL]
    if row.state in (JobState.PENDING, JobState.RUNNING):
        return Standing.PARTIAL if here else Standing.NOT_READY
    if row.listed is not None and not waiting and not problems.exit_codes():
        return Standing.COMPLETE
    return Standing.PARTIAL if here or waiting else Standing.FAILED


class Gaps:
    """Collects gaps; merges consecutive slots with the same reason."""

    def __init__(self) -> None:
        self.first: list[Gap] = []
        self.more = 0
        self._last: Gap | None = None

    def add(self, slot: SlotView) -> None:
        """Append a slot's gaps."""
        if slot.state is SlotState.VERIFIED:
            return
        if slot.names:
            self._add_absent(slot)
            return
        for gap in _gaps(slot):
            last = self._last
            if (
                last is not None
                and gap.file is None
                and last.file is None
                and gap.start is not None
                and gap.start == last.end
                and (gap.state, gap.reason) == (last.state, last.reason)
            ):
                last.end, last.slots = gap.end, last.slots + gap.slots
                continue
            self._last = gap
            if len(self.first) < _MOST_GAPS:
                self.first.append(gap)
            else:
                self.more += 1

    def _add_absent(self, slot: SlotView) -> None:
        some = slot.names[: _MOST_GAPS - len(self.first)]
        self.more += len(slot.names) - len(some)
        self._last = None
        reason = redact(slot.reason)
        for each, name in zip(slot.each(), some, strict=False):
            self.first.append(
                Gap(
                    start=each.start,
                    end=each.end,
                    state=slot.state,
                    reason=reason,
                    file=redact(name),
                )
            )


def _gaps(slot: SlotView) -> Iterator[Gap]:
    open_files = [each for each in slot.found if each.state is not SlotState.VERIFIED]
    for row, state, reason in open_files:
        yield Gap(
            start=slot.start,
            end=slot.end,
            state=state,
            reason=redact(reason),
            file=redact(row.name),
        )
    if not open_files:
        yield Gap(
            start=slot.start,
            end=slot.end,
            state=slot.state,
            reason=redact(slot.reason),
            file=None,
            slots=slot.slots,
        )

"""Which periods are here, and which are not and why: slots and files laid over each other."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from backhaul.frozen import dataclass
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import PIECE, FileRow, JobRow, moment
from backhaul.run.lost import WHY
from backhaul.storage.folder import SIDECAR, JobFolder
from backhaul.types import Slots, SlotState

_WORST = (
    SlotState.CORRUPT,
    SlotState.FAILED,
    SlotState.LOST,
    SlotState.MISSING,
    SlotState.UNKNOWN,
    SlotState.PARTIAL,
    SlotState.PENDING,
    SlotState.SUSPECT,
    SlotState.VERIFIED,
)
_HERE = frozenset({SlotState.VERIFIED, SlotState.SUSPECT})
_NEVER = (math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A slot and what is known of it.

    Attributes:
        start, end: the period, half-open; None where a file has none.
        state: the worst of its files' states, or what the provider says.
        files: the files that cover it, worst first.
        reason: why it is not verified, for people.
    """

    start: datetime | None
    end: datetime | None
    state: SlotState
    files: tuple[FileRow, ...] = ()
    reason: str = ""


def on_disk_state(row: FileRow, size_of: Callable[[str], int | None]) -> tuple[SlotState, str]:
    """The state of a file by the ledger and by a look at the disk; and why, if it is not here."""
    if row.state in _HERE:
        size = size_of(row.name)
        if size is None and row.flags & PIECE:
            return SlotState.FAILED, WHY
        if size is None:
            return SlotState.MISSING, "was verified, but is not on disk any more"
        if size != row.size:
            return SlotState.CORRUPT, f"was verified with {row.size} bytes, now it has {size}"
        why = row.message or "the provider marks it as doubtful"
        return row.state, why if row.state is SlotState.SUSPECT else ""
    if row.state is SlotState.PENDING and size_of(row.name + SIDECAR) is not None:
        return SlotState.PARTIAL, "has begun to arrive"
    return row.state, row.message or ""


def job_slots(ledger: Ledger, job: JobRow, folder: JobFolder | None) -> Iterator[SlotView]:
    """All slots of a job in order of time, then files without a period."""
    size_of = folder.size if folder is not None else (lambda _: None)
    whole = job.listed is not None
    yield from _overlay(job.slot_runs(), ledger.inventory.with_slot(job.id), size_of, whole=whole)
    for row in ledger.inventory.without_slot(job.id):
        state, reason = on_disk_state(row, size_of)
        yield SlotView(start=None, end=None, state=state, files=(row,), reason=reason)


def count_silent(ledger: Ledger, job: JobRow) -> int:
    """How many of ``job_slots`` are silent, without making any of them."""
    runs = sorted(job.slot_runs(), key=lambda run: run.start)
    if job.listed is None or any(one.end > other.start for one, other in pairwise(runs)):
        slots = job_slots(ledger, job, None)
        return sum(1 for slot in slots if slot.state is SlotState.SILENT)
    if len(runs) == 1 and (silent := _silent_cells(ledger, job, runs[0])) is not None:
        return silent
    spans = ledger.inventory.spans(job.id)
    start, end = next(spans, _NEVER)
    silent = 0
    covered = 0.0  # up to where files reach that begin before the present slot's end
    for run in runs:
        last = run.end.timestamp()
        step = run.every.total_seconds() if run.every is not None else 0.0
        low = run.start.timestamp()
        while low < last or not step:
            high = min(low + step, last) if step > 0 else last
            while start < high:
                covered = max(covered, end)
                start, end = next(spans, _NEVER)
            if run.state is SlotState.SILENT or (
                run.state is None and covered <= low and (step > 0 or not run.records)
            ):
                silent += 1
            if step <= 0:
                break
            low = high
    return silent


def _silent_cells(ledger: Ledger, job: JobRow, run: Slots) -> int | None:
    """The same by SQLite alone, for the usual job: equal slots, and no file is in two of them."""
    if run.state is not None or run.every is None:
        return None
    first, last, step = run.start.timestamp(), run.end.timestamp(), run.every.total_seconds()
    if step <= 0 or not all(value.is_integer() for value in (first, last, step)):
        return None
    files, within, cells = ledger.inventory.cells(
        job.id, first=int(first), last=int(last), step=int(step)
    )
    return math.ceil((last - first) / step) - cells if files == within else None


def _single_slots(runs: Iterable[Slots]) -> Iterator[Slots]:
    for run in sorted(runs, key=lambda run: run.start):
        if run.every is None or run.every.total_seconds() <= 0:
            yield run
            continue
        start = run.start
        while start < run.end:
            end = min(start + run.every, run.end)
            yield Slots(start, end, state=run.state, note=run.note)
            start = end


def _overlay(
    runs: tuple[Slots, ...],
    rows: Iterator[FileRow],
    size_of: Callable[[str], int | None],
    *,
    whole: bool,
) -> Iterator[SlotView]:
    active: deque[FileRow] = deque()
    upcoming = next(rows, None)
    for slot in _single_slots(runs):
        start, end = slot.start.timestamp(), slot.end.timestamp()
        while upcoming is not None and (upcoming.start or 0) < end:
            if (upcoming.end or 0) <= start:
                yield _own_slot(upcoming, size_of)
            else:
                active.append(upcoming)
            upcoming = next(rows, None)
        covering = [row for row in active if (row.start or 0) < end and (row.end or 0) > start]
        yield _view(slot, covering, size_of, whole=whole)
        active = deque(row for row in active if (row.end or 0) > end)
    while upcoming is not None:
        yield _own_slot(upcoming, size_of)
        upcoming = next(rows, None)


def _own_slot(row: FileRow, size_of: Callable[[str], int | None]) -> SlotView:
    state, reason = on_disk_state(row, size_of)
    return SlotView(
        start=moment(row.start), end=moment(row.end), state=state, files=(row,), reason=reason
    )


def _view(
    slot: Slots, rows: list[FileRow], size_of: Callable[[str], int | None], *, whole: bool
) -> SlotView:
    seen = sorted(
        ((*on_disk_state(row, size_of), row) for row in rows),
        key=lambda item: _WORST.index(item[0]),
    )
    files = tuple(row for _, _, row in seen)
    if slot.state is not None:
        state, reason = slot.state, slot.note
    elif seen:
        state, reason = seen[0][0], seen[0][1]
    elif whole and slot.records:
        state = SlotState.MISSING
        reason = f"the provider counts {slot.records} records, and none of them is here"
    elif whole:
        state, reason = SlotState.SILENT, "the provider lists nothing for it"
    else:
        state, reason = SlotState.PENDING, "not listed yet"
    return SlotView(start=slot.start, end=slot.end, state=state, files=files, reason=reason)

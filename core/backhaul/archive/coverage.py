"""Determines which periods are covered, and why others are not, by matching slots with files."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Self

from backhaul.archive.unrecoverable import UNLISTED, WHY
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import CHANGED, GONE, PIECE, REBUILT, FileRow, JobRow, has_left, moment
from backhaul.selection import ALL, Selection
from backhaul.storage.destination import Destination, sizes
from backhaul.storage.workspace import SIDECAR
from backhaul.types import HERE, Slots, SlotState

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
_NEVER = (math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRange:
    """A slot, or a range of slots of equal length.

    Attributes:
        start, end: the period, half-open; None where a file has none.
        every: length of a slot in a range; the last one may be shorter.
    """

    start: datetime | None
    end: datetime | None
    every: timedelta | None = None

    @property
    def slots(self) -> int:
        """The number of slots."""
        if self.every is None or self.start is None or self.end is None:
            return 1
        return -(-(self.end - self.start) // self.every)

    def each(self) -> Iterator[Self]:
        """The slots one by one."""
        if self.every is None or self.start is None or self.end is None:
            yield self
            return
        start = self.start
        while start < self.end:
            end = min(start + self.every, self.end)
            yield replace(self, start=start, end=end, every=None)
            start = end


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView(SlotRange):
    """A slot and its state, or a range of slots that no file covers.

    Attributes:
        state: the worst state of its files, or what the provider says.
        files: the files that cover it, worst first.
        reason: why it is not verified, for the user.
    """

    state: SlotState
    files: tuple[FileRow, ...] = ()
    reason: str = ""


def on_disk_state(row: FileRow, size_of: Callable[[str], int | None]) -> tuple[SlotState, str]:
    """The state of a file according to the ledger and the disk, and why it is not present."""
    if row.state in HERE:
        return _here(row, size_of(row.name))
    if row.state is SlotState.UNKNOWN and row.flags & REBUILT:
        return _rebuilt(row, size_of(row.name))
    if row.state is SlotState.PENDING and size_of(row.name + SIDECAR) is not None:
        return SlotState.PARTIAL, "partially received"
    return row.state, row.message or ""


def _here(row: FileRow, size: int | None) -> tuple[SlotState, str]:
    if size is None and row.flags & PIECE:
        return SlotState.LOST, WHY
    if size is None and row.flags & GONE:
        return SlotState.LOST, UNLISTED
    if size is None:
        return SlotState.MISSING, "was verified, but is no longer on disk"
    if size != row.size:
        return SlotState.CORRUPT, f"was verified with {row.size} bytes, now has {size}"
    if row.flags & CHANGED:
        return row.state, "the provider lists another version; run again to fetch it"
    why = row.message or "the provider marks it as suspect"
    return row.state, why if row.state is SlotState.SUSPECT else ""


def _rebuilt(row: FileRow, size: int | None) -> tuple[SlotState, str]:
    if size is None:
        return SlotState.MISSING, "was found on disk by a rebuild, but is no longer there"
    if size != row.size:
        return SlotState.CORRUPT, f"was rebuilt with {row.size} bytes, now has {size}"
    return SlotState.UNKNOWN, "rebuilt from disk; run again to compare it with the provider"


class Silence(NamedTuple):
    """How many of a job's slots without a file are silent, unknown and pending."""

    silent: int
    unknown: int
    pending: int = 0  # not due yet, according to the provider


def job_slots(ledger: Ledger, job: JobRow, folder: Destination | None) -> Iterator[SlotView]:
    """All slots of a job in order of time, then files without a period."""
    for view in job_ranges(ledger, job, folder):
        yield from view.each()


def job_ranges(ledger: Ledger, job: JobRow, folder: Destination | None) -> Iterator[SlotView]:
    """The same as ``job_slots``; slots that follow each other and that no file covers are one range."""
    size_of = sizes(folder)
    overlay = _Overlay(job, size_of, queue=_queue(ledger, job))
    yield from overlay.slots(ledger.inventory.with_slot(job.id))
    for row in ledger.inventory.without_slot(job.id):
        state, reason = on_disk_state(row, size_of)
        yield SlotView(start=None, end=None, state=state, files=(row,), reason=reason)


def count_silence(ledger: Ledger, job: JobRow, selection: Selection = ALL) -> Silence:
    """Counts the silent and unknown ones of ``job_slots`` without creating them.

    With a selection, only the selected slots without a file.
    """
    runs = sorted(_selected(job.slot_runs(), selection), key=lambda run: run.start)
    told = sum(_cells(run) for run in runs if run.state is SlotState.PENDING)
    states: Counter[SlotState]
    if selection.is_all and any(one.end > other.start for one, other in pairwise(runs)):
        states = Counter()
        for view in job_ranges(ledger, job, None):
            states[view.state] += view.slots
        return Silence(states[SlotState.SILENT], states[SlotState.UNKNOWN], told)
    states = Counter()
    for run in runs:
        if run.state is not None:
            states[run.state] += _cells(run)
    state, _ = _nothing(job, _queue(ledger, job))
    if state in {SlotState.SILENT, SlotState.UNKNOWN}:
        states[state] += _empty(ledger, job, runs)
    return Silence(states[SlotState.SILENT], states[SlotState.UNKNOWN], told)


def _selected(runs: Sequence[Slots], selection: Selection) -> Iterator[Slots]:
    """The selected slots; slots have no name."""
    for run in runs if selection.takes_name(None) else ():
        part = selection.cut(run.start, run.end, run.every)
        if part is not None:
            yield replace(run, start=part[0], end=part[1])


def _cells(run: Slots) -> int:
    step = run.every.total_seconds() if run.every is not None else 0.0
    if step <= 0:
        return 1
    return max(0, math.ceil((run.end - run.start).total_seconds() / step))


def _queue(ledger: Ledger, job: JobRow) -> tuple[SlotState, str] | None:
    """The state of the volumes of an unfinished queue; None if there is no such queue."""
    if not ledger.streams.is_open(job.id):
        return None
    if job.doubt:
        return SlotState.FAILED, job.doubt
    return SlotState.PARTIAL, "the queue is not finished"


def _nothing(job: JobRow, queue: tuple[SlotState, str] | None) -> tuple[SlotState, str]:
    """The state of a slot that no file covers."""
    if queue is not None:
        state, reason = queue
        return (SlotState.PENDING if state is SlotState.PARTIAL else state), reason
    if job.doubt:
        return SlotState.UNKNOWN, job.doubt
    if job.listed is not None:
        return SlotState.SILENT, "the provider lists nothing for it"
    return SlotState.PENDING, "not listed yet"


def _empty(ledger: Ledger, job: JobRow, runs: Sequence[Slots]) -> int:
    """Counts slots that no file covers and about which the provider says nothing."""
    if len(runs) == 1 and (cells := _empty_cells(ledger, job, runs[0])) is not None:
        return cells
    spans = ledger.inventory.spans(job.id)
    start, end = next(spans, _NEVER)
    found = 0
    covered = 0.0  # end of the files that start before the current slot's end
    for run in runs:
        last = run.end.timestamp()
        step = run.every.total_seconds() if run.every is not None else 0.0
        low = run.start.timestamp()
        while low < last or not step:
            high = min(low + step, last) if step > 0 else last
            while start < high:
                covered = max(covered, end)
                start, end = next(spans, _NEVER)
            expected = step <= 0 and run.records and job.listed is not None
            found += run.state is None and covered <= low and not expected
            if step <= 0:
                break
            low = high
    return found


def _empty_cells(ledger: Ledger, job: JobRow, run: Slots) -> int | None:
    """The same in SQL, for the usual case of equal slots with no file in two of them."""
    if run.state is not None or run.every is None:
        return None
    first, last, step = run.start.timestamp(), run.end.timestamp(), run.every.total_seconds()
    if step <= 0 or not all(value.is_integer() for value in (first, last, step)):
        return None
    files, within, cells = ledger.inventory.cells(
        job.id, first=int(first), last=int(last), step=int(step)
    )
    return math.ceil((last - first) / step) - cells if files == within else None


def _empty_until(
    start: datetime, end: datetime, step: timedelta, upcoming: FileRow | None
) -> datetime:
    """Where the slots from a time on cease to be free of files, the next of which is given."""
    if upcoming is None:
        return end
    gap = timedelta(seconds=(upcoming.start or 0) - start.timestamp())
    return end if gap >= end - start else start + max(0, gap // step) * step


class _Overlay:
    """Matches slots with files, both in order of time."""

    def __init__(
        self,
        job: JobRow,
        size_of: Callable[[str], int | None],
        *,
        queue: tuple[SlotState, str] | None,
    ) -> None:
        self._job = job
        self._size_of = size_of
        self._queue = queue
        self._nothing = _nothing(job, queue)
        self._window = job.window

    def slots(self, rows: Iterator[FileRow]) -> Iterator[SlotView]:
        """The job's slots, and those of files outside of all of them."""
        active: list[FileRow] = []
        upcoming = next(rows, None)
        for run in sorted(self._job.slot_runs(), key=lambda run: run.start):
            step = run.every if run.every is not None and run.every > timedelta(0) else None
            cursor = run.start
            while cursor < run.end or step is None:
                if not active and step is not None:
                    empty = _empty_until(cursor, run.end, step, upcoming)
                    if empty > cursor:
                        yield self._range(run, cursor, empty, step)
                        cursor = empty
                        continue
                slot = run
                if step is not None:
                    slot = Slots(
                        cursor, min(cursor + step, run.end), state=run.state, note=run.note
                    )
                start, end = slot.start.timestamp(), slot.end.timestamp()
                while upcoming is not None and (upcoming.start or 0) < end:
                    if (upcoming.end or 0) <= start:
                        yield from self._own_slot(upcoming)
                    else:
                        active.append(upcoming)
                    upcoming = next(rows, None)
                covering = [
                    row for row in active if (row.start or 0) < end and (row.end or 0) > start
                ]
                yield self._view(slot, covering)
                active = [row for row in active if (row.end or 0) > end]
                if step is None:
                    break
                cursor = slot.end
        while upcoming is not None:
            yield from self._own_slot(upcoming)
            upcoming = next(rows, None)

    def _range(self, run: Slots, start: datetime, end: datetime, step: timedelta) -> SlotView:
        """Slots that no file covers."""
        state, reason = self._nothing if run.state is None else (run.state, run.note)
        every = step if end - start > step else None
        return SlotView(start=start, end=end, state=state, reason=reason, every=every)

    def _own_slot(self, row: FileRow) -> Iterator[SlotView]:
        """The slot of a file outside of all; none for what has left a rolling window."""
        if row.flags & GONE and has_left(row, self._window):
            return
        state, reason = self._worst([row], on_disk_state(row, self._size_of))
        yield SlotView(
            start=moment(row.start), end=moment(row.end), state=state, files=(row,), reason=reason
        )

    def _view(self, slot: Slots, rows: list[FileRow]) -> SlotView:
        seen = sorted(
            ((*on_disk_state(row, self._size_of), row) for row in rows),
            key=lambda item: _WORST.index(item[0]),
        )
        files = tuple(row for _, _, row in seen)
        if slot.state is not None:
            state, reason = slot.state, slot.note
        elif seen:
            state, reason = self._worst(rows, seen[0][:2])
        elif slot.records and self._job.listed is not None and self._queue is None:
            state = SlotState.MISSING
            reason = f"provider reports {slot.records} records; none present"
        else:
            state, reason = self._nothing
        return SlotView(start=slot.start, end=slot.end, state=state, files=files, reason=reason)

    def _worst(
        self, rows: Sequence[FileRow], found: tuple[SlotState, str]
    ) -> tuple[SlotState, str]:
        """The given state; volumes of an unfinished queue are at most partial."""
        if self._queue is None or not all(row.flags & PIECE for row in rows):
            return found
        return min(found, self._queue, key=lambda each: _WORST.index(each[0]))

"""Matches a job's slots with its files, both in order of time."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from backhaul.archive.slot_views import Found, SlotView, on_disk_state
from backhaul.archive.upcoming import Upcoming
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import GONE, VOLUME, FileRow, JobRow, has_left, moment
from backhaul.types import Slots, SlotState

_RANKS = (
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
_WORST = {state: rank for rank, state in enumerate(_RANKS)}


def queue_state(ledger: Ledger, job: JobRow) -> tuple[SlotState, str] | None:
    """The state of the volumes of an unfinished queue; None if there is no such queue."""
    if not ledger.streams.is_open(job.id):
        return None
    if job.doubt:
        return SlotState.FAILED, job.doubt
    return SlotState.PARTIAL, "the queue is not finished"


def nothing(job: JobRow, queue: tuple[SlotState, str] | None) -> tuple[SlotState, str]:
    """The state of a slot that no file covers."""
    if queue is not None:
        state, reason = queue
        return (SlotState.PENDING if state is SlotState.PARTIAL else state), reason
    if job.doubt:
        return SlotState.UNKNOWN, job.doubt
    if job.listed is not None:
        return SlotState.SILENT, "the provider lists nothing for it"
    return SlotState.PENDING, "not listed yet"


class Overlay:
    """Matches slots with files.

    Args:
        job: the job.
        files: those with a period.
        size_of: sizes on disk.
        queue: see ``queue_state``.
    """

    def __init__(
        self,
        job: JobRow,
        files: Upcoming,
        size_of: Callable[[str], int | None],
        *,
        queue: tuple[SlotState, str] | None,
    ) -> None:
        self._job = job
        self._size_of = size_of
        self._queue = queue
        self._nothing = nothing(job, queue)
        self._window = job.window
        self._files = files
        self._active: list[FileRow] = []

    def slots(self) -> Iterator[SlotView]:
        """The job's slots, and those of files outside of all of them."""
        for run in sorted(self._job.slot_runs(), key=lambda run: run.start):
            if run.every is not None and run.every > timedelta(0):
                yield from self._run(run, run.every)
            else:
                yield from self._slot(run, run.start, run.end, records=run.records)
        while (row := self._files.row) is not None:
            yield from self._own_slot(row)
            self._files.advance()

    def _run(self, run: Slots, step: timedelta) -> Iterator[SlotView]:
        """The slots of a run."""
        start, low = run.start, run.start.timestamp()
        last, seconds = run.end.timestamp(), step.total_seconds()
        is_plain = run.state is None and low.is_integer() and seconds.is_integer()
        while start < run.end:
            end = min(start + step, run.end)
            high = end.timestamp()
            alone = None
            if not self._active:
                slots = int((last - low) // seconds) if is_plain else 0
                if slots and (brief := self._files.take(int(low), int(seconds), slots)):
                    end = start + brief.slots * step
                    yield SlotView(
                        start=start,
                        end=end,
                        state=brief.state,
                        every=step if brief.slots > 1 else None,
                        reason=brief.reason,
                        names=brief.names,
                        kind=brief.kind,
                        optional=brief.optional,
                    )
                    start, low = end, end.timestamp()
                    continue
                upcoming = self._files.row
                if upcoming is None or (upcoming.start or 0) >= high:
                    end = _empty_until(start, run.end, step, upcoming)
                    yield self._range(run, start, end, step)
                    start, low = end, end.timestamp()
                    continue
                alone = self._alone(upcoming, low, high)
            if alone is not None:
                yield self._view(run, start, end, (alone,))
            else:
                yield from self._slot(run, start, end)
            start, low = end, high

    def _alone(self, row: FileRow, low: float, high: float) -> FileRow | None:
        """The next file, if it is within a slot and no other file touches that slot: the usual case."""
        if not low <= (row.start or 0) < high or not low < (row.end or 0) <= high:
            return None
        self._files.advance()
        following = self._files.row
        if following is None or (following.start or 0) >= high:
            return row
        self._active.append(row)
        return None

    def _slot(
        self, run: Slots, start: datetime, end: datetime, *, records: int | None = None
    ) -> Iterator[SlotView]:
        """A slot, after the files that come before it."""
        first, last = start.timestamp(), end.timestamp()
        while (row := self._files.row) is not None and (row.start or 0) < last:
            if (row.end or 0) <= first:
                yield from self._own_slot(row)
            else:
                self._active.append(row)
            self._files.advance()
        rows = [row for row in self._active if (row.start or 0) < last and (row.end or 0) > first]
        yield self._view(run, start, end, rows, records=records)
        self._active = [row for row in self._active if (row.end or 0) > last]

    def _range(self, run: Slots, start: datetime, end: datetime, step: timedelta) -> SlotView:
        """Slots that no file covers."""
        state, reason = self._nothing if run.state is None else (run.state, run.note)
        every = step if end - start > step else None
        return SlotView(start=start, end=end, state=state, reason=reason, every=every)

    def _own_slot(self, row: FileRow) -> Iterator[SlotView]:
        """The slot of a file outside the job's slots; none if the file has left a rolling window."""
        if row.flags & GONE and has_left(row, self._window):
            return
        found = self._found(row)
        state, reason = self._worst(found, (found,))
        yield SlotView(
            start=moment(row.start), end=moment(row.end), state=state, found=(found,), reason=reason
        )

    def _found(self, row: FileRow) -> Found:
        return Found(row, *on_disk_state(row, self._size_of))

    def _view(
        self,
        run: Slots,
        start: datetime,
        end: datetime,
        rows: Sequence[FileRow],
        *,
        records: int | None = None,
    ) -> SlotView:
        found = tuple([self._found(row) for row in rows])
        if len(found) > 1:
            found = tuple(sorted(found, key=lambda each: _WORST[each.state]))
        if run.state is not None:
            state, reason = run.state, run.note
        elif found:
            state, reason = self._worst(found[0], found)
        elif records and self._job.listed is not None and self._queue is None:
            state = SlotState.MISSING
            reason = f"provider reports {records} records; none present"
        else:
            state, reason = self._nothing
        return SlotView(start=start, end=end, state=state, found=found, reason=reason)

    def _worst(self, worst: Found, found: Sequence[Found]) -> tuple[SlotState, str]:
        """The state of the worst file; volumes of an unfinished queue are at most partial."""
        if self._queue is None or not all(each.row.flags & VOLUME for each in found):
            return worst.state, worst.reason
        return min(worst[1:], self._queue, key=lambda each: _WORST[each[0]])


def _empty_until(
    start: datetime, end: datetime, step: timedelta, upcoming: FileRow | None
) -> datetime:
    """The end of the run of slots without files that starts at a time, given the next file."""
    if upcoming is None:
        return end
    gap = timedelta(seconds=(upcoming.start or 0) - start.timestamp())
    return end if gap >= end - start else start + max(0, gap // step) * step

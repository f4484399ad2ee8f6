"""Determines which periods are covered, and why others are not, by matching slots with files."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from backhaul.archive.overlay import Overlay, nothing, queue_state
from backhaul.archive.slot_views import Found, SlotView, on_disk_state
from backhaul.archive.upcoming import EachFile, InBrief, Upcoming
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.selection import ALL, Selection
from backhaul.storage.destination import Destination, SizeOf
from backhaul.storage.sizes import sizes
from backhaul.types import Slots, SlotState

_NEVER = (math.inf, math.inf)


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
    """Like ``job_slots``, but consecutive slots without files are merged into ranges."""
    size_of = sizes(folder)
    files = EachFile(ledger.inventory.with_slot(job.id))
    yield from _overlay(ledger, job, files, size_of)


def job_states(
    ledger: Ledger, job: JobRow, folder: Destination | None, *, removed: bool = False
) -> Iterator[SlotView]:
    """Like ``job_ranges``, but consecutive slots with one file each are merged into ranges too.

    The files of a range are all verified, or were never stored for the same reason, see
    ``SlotView.names``; with ``removed``, they may also have been removed from the disk.
    """
    size_of = _remembering_last(sizes(folder))
    files = InBrief(ledger.inventory, job.id, size_of, removed=removed)
    yield from _overlay(ledger, job, files, size_of)


def _remembering_last(size_of: SizeOf) -> SizeOf:
    """The same, but a file that is queried twice in a row is looked up on disk only once."""
    last: tuple[str, int | None] = ("", None)

    def size(name: str) -> int | None:
        nonlocal last
        if name != last[0]:
            last = (name, size_of(name))
        return last[1]

    return size


def _overlay(ledger: Ledger, job: JobRow, files: Upcoming, size_of: SizeOf) -> Iterator[SlotView]:
    yield from Overlay(job, files, size_of, queue=queue_state(ledger, job)).slots()
    for row in ledger.inventory.without_slot(job.id):
        state, reason = on_disk_state(row, size_of)
        found = (Found(row, state, reason),)
        yield SlotView(start=None, end=None, state=state, found=found, reason=reason)


def count_silence(ledger: Ledger, job: JobRow, selection: Selection = ALL) -> Silence:
    """Counts the silent and unknown ones of ``job_slots`` without creating them.

    With a selection, only the selected slots without a file.
    """
    runs = sorted(_selected(job.slot_runs(), selection), key=lambda run: run.start)
    pending = sum(_cells(run) for run in runs if run.state is SlotState.PENDING)
    states: Counter[SlotState]
    if selection.is_all and any(one.end > other.start for one, other in pairwise(runs)):
        states = Counter()
        for view in job_ranges(ledger, job, None):
            states[view.state] += view.slots
        return Silence(states[SlotState.SILENT], states[SlotState.UNKNOWN], pending)
    states = Counter()
    for run in runs:
        if run.state is not None:
            states[run.state] += _cells(run)
    state, _ = nothing(job, queue_state(ledger, job))
    if state in {SlotState.SILENT, SlotState.UNKNOWN}:
        states[state] += _empty(ledger, job, runs)
    return Silence(states[SlotState.SILENT], states[SlotState.UNKNOWN], pending)


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

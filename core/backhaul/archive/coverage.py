"""Determines which periods are covered, and why others are not, by matching slots with files."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from backhaul.archive.overlay import Overlay, nothing, queue_state
from backhaul.archive.slot_views import Found, SlotView, on_disk_state
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.selection import ALL, Selection
from backhaul.storage.destination import Destination
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
    """The same as ``job_slots``; slots that follow each other and that no file covers are one range."""
    size_of = sizes(folder)
    overlay = Overlay(job, size_of, queue=queue_state(ledger, job))
    yield from overlay.slots(ledger.inventory.with_slot(job.id))
    for row in ledger.inventory.without_slot(job.id):
        state, reason = on_disk_state(row, size_of)
        found = (Found(row, state, reason),)
        yield SlotView(start=None, end=None, state=state, found=found, reason=reason)


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
    state, _ = nothing(job, queue_state(ledger, job))
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

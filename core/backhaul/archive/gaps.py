"""Finds everything that is not verified: files, and slots without files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from backhaul.archive.coverage import job_ranges, job_states
from backhaul.archive.jobs import KnownJob
from backhaul.archive.slot_views import SlotRange, SlotView
from backhaul.selection import ALL, Selection
from backhaul.types import SlotState
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(SlotRange):
    """A file that is not verified, or a slot without a file; or several consecutive ones as one range.

    Attributes:
        job: the job's name.
        state: any state but ``verified``: silent and pending slots are gaps, too.
        file: the file's name; None for a slot without files.
        reason: why it is not verified.
        start, end: the period, half-open, in UTC; None for a file without one.
        every: the length of a slot, if this is a range; None otherwise.
        names: in a range of slots with one file each, these files; empty otherwise.
    """

    job: str
    state: SlotState
    file: str | None
    reason: str
    names: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "state": str(self.state),
            "file": self.file,
            "reason": self.reason,
        }


def job_gaps(known: KnownJob, selection: Selection = ALL) -> Iterator[Gap]:
    """The job's gaps in order of time, then those without a period; empty if it never ran.

    Args:
        known: the job.
        selection: the slots and files to include.
    """
    for gap in gap_ranges(known, selection=selection):
        if gap.names:
            files = zip(gap.each(), gap.names, strict=True)
            yield from (replace(slot, file=name, names=()) for slot, name in files)
        else:
            yield from gap.each()


def gap_ranges(
    known: KnownJob, seen: Callable[[SlotView], object] | None = None, selection: Selection = ALL
) -> Iterator[Gap]:
    """Like ``job_gaps``, but consecutive slots without a file that is present are merged into one gap.

    ``seen`` is called with every slot visited, verified ones too; runs of equal slots come as ranges.
    """
    if known.row is None:
        return
    whole = selection.is_all
    named = bool(selection.include or selection.exclude)
    views = job_ranges if named else partial(job_states, removed=True)
    for view in views(known.ledger, known.row, known.folder):
        slot = view if whole else _selected(view, selection)
        if slot is None:
            continue
        if seen is not None:
            seen(slot)
        if slot.state is SlotState.VERIFIED:
            continue
        short = [each for each in slot.found if each.state is not SlotState.VERIFIED]
        if not short:
            yield _gap(known.name, slot, None, slot.state, slot.reason)
        for each in short:
            yield _gap(known.name, slot, each.row.name, each.state, each.reason)


def _gap(job: str, slot: SlotView, file: str | None, state: SlotState, reason: str) -> Gap:
    return Gap(
        start=slot.start,
        end=slot.end,
        every=slot.every,
        job=job,
        state=state,
        file=file,
        reason=reason,
        names=slot.names,
    )


def _selected(slot: SlotView, selection: Selection) -> SlotView | None:
    """The selected part of a slot or range; None if nothing is selected."""
    if slot.every is not None and slot.start is not None and slot.end is not None:
        part = selection.cut(slot.start, slot.end, slot.every)
        if part is None:
            return None
        left_out = (part[0] - slot.start) // slot.every
        slot = replace(slot, start=part[0], end=part[1])
        slot = replace(slot, names=slot.names[left_out : left_out + slot.slots])
    elif not selection.takes_start(slot.start):
        return None
    if not slot.found:
        return slot if selection.takes_name(None) else None
    found = tuple(each for each in slot.found if selection.takes_name(each.row.name))
    if len(found) == len(slot.found):
        return slot
    if not found:
        return None
    return replace(slot, found=found, state=found[0].state, reason=found[0].reason)  # the worst

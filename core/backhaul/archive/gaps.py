"""Finds everything that is not verified: files, and slots without files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from backhaul.archive.coverage import job_ranges
from backhaul.archive.jobs import KnownJob
from backhaul.archive.slot_views import SlotRange, SlotView
from backhaul.selection import ALL, Selection
from backhaul.types import SlotState
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(SlotRange):
    """A file that is not verified, or a slot that has no file; of ``gap_ranges``, some in a row.

    Attributes:
        job: its name.
        state: silent and pending ones are gaps, too.
        file: None for a slot without one.
        reason: why, for the user.
    """

    job: str
    state: SlotState
    file: str | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The contract's JSON."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "state": str(self.state),
            "file": self.file,
            "reason": self.reason,
        }


def job_gaps(
    known: KnownJob,
    seen: Callable[[SlotView], object] | None = None,
    selection: Selection = ALL,
) -> Iterator[Gap]:
    """The job's gaps in order of time, then those without a period; empty if it never ran.

    Args:
        known: the job.
        seen: told of every slot on the way, verified ones too; those that no file covers as ranges.
        selection: what is looked at.
    """
    for gap in gap_ranges(known, seen, selection):
        yield from gap.each()


def gap_ranges(
    known: KnownJob,
    seen: Callable[[SlotView], object] | None = None,
    selection: Selection = ALL,
) -> Iterator[Gap]:
    """The same as ``job_gaps``; slots that follow each other and that no file covers are one gap."""
    if known.row is None:
        return
    whole = selection.is_all
    for view in job_ranges(known.ledger, known.row, known.folder):
        slot = view if whole else _selected(view, selection)
        if slot is None:
            continue
        if seen is not None:
            seen(slot)
        if slot.state is SlotState.VERIFIED:
            continue
        short = [
            (each.row.name, each.state, each.reason)
            for each in slot.found
            if each.state is not SlotState.VERIFIED
        ]
        missing: list[tuple[str | None, SlotState, str]] = [*short]
        for file, state, reason in missing or [(None, slot.state, slot.reason)]:
            yield Gap(
                job=known.name,
                start=slot.start,
                end=slot.end,
                state=state,
                file=file,
                reason=reason,
                every=slot.every,
            )


def _selected(slot: SlotView, selection: Selection) -> SlotView | None:
    """What of a slot or range is selected; None: nothing."""
    if slot.every is not None and slot.start is not None and slot.end is not None:
        part = selection.cut(slot.start, slot.end, slot.every)
        if part is None:
            return None
        slot = replace(slot, start=part[0], end=part[1])
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

"""Finds everything that is not verified: files, and slots without files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from backhaul.archive.coverage import SlotRange, SlotView, job_ranges, on_disk_state
from backhaul.archive.jobs import KnownJob
from backhaul.selection import ALL, Selection
from backhaul.storage.destination import sizes
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
    size_of = sizes(known.folder)
    for view in job_ranges(known.ledger, known.row, known.folder):
        slot = view if selection.is_all else _selected(view, selection, size_of)
        if slot is None:
            continue
        if seen is not None:
            seen(slot)
        if slot.state is SlotState.VERIFIED:
            continue
        files = [(row.name, *on_disk_state(row, size_of)) for row in slot.files]
        short = [each for each in files if each[1] is not SlotState.VERIFIED]
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


def _selected(
    slot: SlotView, selection: Selection, size_of: Callable[[str], int | None]
) -> SlotView | None:
    """What of a slot or range is selected; None: nothing."""
    if slot.every is not None and slot.start is not None and slot.end is not None:
        part = selection.cut(slot.start, slot.end, slot.every)
        if part is None:
            return None
        slot = replace(slot, start=part[0], end=part[1])
    elif not selection.takes_start(slot.start):
        return None
    if not slot.files:
        return slot if selection.takes_name(None) else None
    files = tuple(row for row in slot.files if selection.takes_name(row.name))
    if len(files) == len(slot.files):
        return slot
    if not files:
        return None
    state, reason = on_disk_state(files[0], size_of)  # the worst of them
    return replace(slot, files=files, state=state, reason=reason)

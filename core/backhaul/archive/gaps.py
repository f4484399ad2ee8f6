"""Finds everything that is not verified: files, and slots without files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.archive.coverage import SlotView, job_slots, on_disk_state
from backhaul.archive.jobs import KnownJob
from backhaul.storage.destination import sizes
from backhaul.types import SlotState
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A file that is not verified, or a slot without a file.

    Attributes:
        job: its name.
        start, end: the period, half-open, in UTC; None for a file without one.
        state: the state; includes silent and pending.
        file: None for a slot without one.
        reason: why, for the user.
    """

    job: str
    start: datetime | None
    end: datetime | None
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


def job_gaps(known: KnownJob, seen: Callable[[SlotView], object] | None = None) -> Iterator[Gap]:
    """The job's gaps in order of time, then those without a period; empty if it never ran.

    Args:
        known: the job.
        seen: called for every slot, including verified ones.
    """
    if known.row is None:
        return
    size_of = sizes(known.folder)
    for slot in job_slots(known.ledger, known.row, known.folder):
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
            )

"""Slots and files with their states according to the ledger and the disk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from backhaul.ledger.rows import CHANGED, GONE, REBUILT, VOLUME, FileRow
from backhaul.storage.workspace import SIDECAR
from backhaul.types import HERE, SlotState
from backhaul.verify.fault import LOST, UNLISTED

NOT_ON_DISK = "was verified, but is no longer on disk"


class Found(NamedTuple):
    """A file, its state according to the ledger and the disk, and why it is not present."""

    row: FileRow
    state: SlotState
    reason: str


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
        found: the files that cover it with their states, worst first.
        reason: why it is not verified, for the user.
        names: in a range of slots with one file each, none of them present, the names of these files.
        kind, optional: of these files: why they failed, and whether that is only a gap.
    """

    state: SlotState
    found: tuple[Found, ...] = ()
    reason: str = ""
    names: Sequence[str] = ()
    kind: str | None = None
    optional: bool = False


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
    if size is None and row.flags & VOLUME:
        return SlotState.LOST, LOST.message
    if size is None and row.flags & GONE:
        return SlotState.LOST, UNLISTED
    if size is None:
        return SlotState.MISSING, NOT_ON_DISK
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

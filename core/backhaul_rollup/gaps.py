"""Slots that are neither verified nor silent, and which of them prevent a roll-up."""

from collections import deque
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backhaul import SlotState
from backhaul.commands import FileRow, KnownJob, moment, wording
from backhaul_rollup.groups import Group, SeriesOf
from backhaul_rollup.period import Period

_WHOLE = frozenset({SlotState.VERIFIED, SlotState.SILENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A slot, or a file in it, that is not in the archive.

    Attributes:
        start, end: Unix seconds, half-open.
        state: the state; ``reason`` explains it to the user.
        file: the file; None if the slot has none.
        series: the file's series; None: all series are affected.
        never_had: the provider reports that it never had the file, which is optional.
    """

    start: int
    end: int
    state: SlotState
    reason: str
    file: str | None = None
    series: str | None = None
    never_had: bool = False

    @property
    def is_not_due(self) -> bool:
        """Whether the slot's data may still arrive: it has not ended, or its queue has not."""
        return self.state is SlotState.PENDING and self.file is None

    @property
    def is_real(self) -> bool:
        """Whether data is missing that exists or may exist."""
        return not (self.never_had or self.is_not_due)

    def as_json(self) -> dict[str, Any]:
        """As in ``gaps --json``."""
        return {
            "start": wording.iso(moment(self.start)), "end": wording.iso(moment(self.end)), "state": str(self.state),
            "file": self.file,
        }  # fmt: skip


def find_gaps(
    job: KnownJob, series_of: SeriesOf, *, contents: Container[str] | None = None
) -> Iterator[Gap]:
    """The job's gaps in time order, after checking the disk.

    Args:
        job: the job.
        series_of: gives a file's series.
        contents: files with other contents are ignored; None: none are.

    Raises:
        LedgerError: the ledger is damaged.
    """
    seen: set[int] = set()
    for slot in job.slots():
        if slot.start is None or slot.end is None:
            continue
        start, end = int(slot.start.timestamp()), int(slot.end.timestamp())
        # The provider's state for a slot says nothing about our files.
        bad = [each for each in slot.found if not _whole(each.row, each.state)]
        for row, state, reason in bad:
            if row.id not in seen and (contents is None or row.content in contents):
                seen.add(row.id)
                yield _of_file(row, state, reason, series_of)
        spoilt = slot.state is SlotState.SUSPECT and any(
            each.state is slot.state for each in slot.found
        )
        if not bad and not spoilt and slot.state not in _WHOLE:
            yield Gap(start=start, end=end, state=slot.state, reason=slot.reason)


def _whole(row: FileRow, state: SlotState) -> bool:
    """Whether a file is incomplete: bad records do not make it so, but the provider's doubt does."""
    return state in _WHOLE or (state is SlotState.SUSPECT and not row.suspect)


def _of_file(row: FileRow, state: SlotState, reason: str, series_of: SeriesOf) -> Gap:
    start = row.start or 0
    return Gap(
        start=start, end=row.end or start, state=state, reason=reason, file=row.name,
        series=series_of(row), never_had=row.state is SlotState.MISSING and row.optional,
    )  # fmt: skip


class GapFinder:
    """Yields the gaps of each group, then those outside all groups.

    Groups must come in order of their starts.
    """

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self._upcoming = deque(sorted(gaps, key=lambda gap: (gap.start, gap.end)))
        self._active: list[Gap] = []
        self._left: list[Gap] = []
        self._used: set[Gap] = set()

    def of(self, group: Group) -> tuple[Gap, ...]:
        """The gaps that touch the group."""
        while self._upcoming and self._upcoming[0].start < group.end:
            self._active.append(self._upcoming.popleft())
        over = [gap for gap in self._active if max(gap.end, gap.start + 1) <= group.start]
        if over:
            self._retire(over)
            gone = set(over)
            self._active = [gap for gap in self._active if gap not in gone]
        found = tuple(
            gap
            for gap in self._active
            if gap.start < group.end and gap.series in {None, group.series}
        )
        self._used.update(found)
        return found

    def rest(self, to: Period) -> Iterator[tuple[Group, tuple[Gap, ...]]]:
        """Periods that have gaps and no files at all, with their gaps."""
        self._retire([*self._active, *self._upcoming])
        self._active.clear()
        self._upcoming.clear()
        found: dict[tuple[int, int, str], list[Gap]] = {}
        for gap in self._left:
            start, end = to.around(gap.start)
            span = (start, end) if gap.end <= end else (gap.start, gap.end)
            found.setdefault((*span, gap.series or ""), []).append(gap)
        for (start, end, series), gaps in sorted(found.items(), key=lambda item: item[0]):
            yield Group(start=start, end=end, series=series, rows=()), tuple(gaps)

    def _retire(self, gaps: Sequence[Gap]) -> None:
        self._left.extend(gap for gap in gaps if gap not in self._used)
        self._used.difference_update(gaps)

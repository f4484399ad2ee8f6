"""The slots that a job covers at a given time: due and pending ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from backhaul import Slots, SlotState
from backhaul_http_archives.periods import Every

_MANY = 2000  # slots of months, which are listed individually


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The slots that start in [from, to).

    Attributes:
        every: their length.
        first: the first one's start.
        until: the first start after it.
        due: starts before this one are due.
    """

    every: Every
    first: datetime
    until: datetime
    due: datetime

    @classmethod
    def of(
        cls, every: Every, start: datetime, end: datetime, *, lag: timedelta, now: datetime
    ) -> "Window":
        """The window at a time.

        Args:
            every: the length of a slot.
            start: of the period.
            end: of the period, not included.
            lag: a slot is due this long after its end.
            now: the time.
        """
        first, until = every.ceil(start), every.ceil(end)
        # The slot that contains now - lag has not ended yet by then; those before it have.
        due = min(max(every.floor(now - lag), first), max(until, first))
        return cls(every=every, first=first, until=max(until, first), due=due)

    def slots(self) -> Iterator[tuple[datetime, datetime]]:
        """Start and end of each slot that is due, oldest first."""
        return self.every.slots(self.first, self.due)

    def count(self, first: datetime, until: datetime) -> int:
        """The number of slots that start in [first, until)."""
        if self.every.step is not None:
            return max(0, (until - first) // self.every.step)
        months = (until.year - first.year) * 12 + until.month - first.month
        return max(0, months // self.every.months)

    def runs(self, lag: timedelta) -> tuple[Slots, ...]:
        """All slots, for ``JobStatus.slots``; those that are not due are pending."""
        note = "not due yet"
        if lag:
            note += f": {_span(lag)} after its end"
        return (
            *self._run(self.first, self.due, None, ""),
            *self._run(self.due, self.until, SlotState.PENDING, note),
        )

    def _run(
        self, first: datetime, until: datetime, state: SlotState | None, note: str
    ) -> Iterator[Slots]:
        if first >= until:
            return
        if self.every.step is not None:
            yield Slots(first, until, every=self.every.step, state=state, note=note)
            return
        for number, (start, end) in enumerate(self.every.slots(first, until)):
            if number == _MANY:
                yield Slots(start, until, state=state, note=note)
                return
            yield Slots(start, end, state=state, note=note)


def _span(length: timedelta) -> str:
    """A duration as written in YAML."""
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

"""A text map of a job's slots: one row per day, or longer rows for many days."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from backhaul.types import SlotState
from backhaul.views.look import RANKS, Look

_DAY: Final = 86400
_MONDAY: Final = 4 * _DAY  # 1970-01-05
_ROWS: Final = (
    3600,
    6 * 3600,
    _DAY,
    7 * _DAY,
    14 * _DAY,
    28 * _DAY,
    91 * _DAY,
    364 * _DAY,
    3640 * _DAY,
)
_LABEL: Final = len("2014-05-17 06:00")
_FEW: Final = 6  # slots that should fit in a row
_OTHER_LINES: Final = 4  # head, legend and prompt
_RANK: Final = {state: rank for rank, state in enumerate(RANKS)}


class Cell(NamedTuple):
    """A slot, or consecutive slots of equal length in the same state.

    Attributes:
        start, end: the period of all of them.
        state: of each.
        every: length of each, if there are several; the last may be shorter.
    """

    start: datetime
    end: datetime
    state: SlotState
    every: timedelta | None = None

    @property
    def length(self) -> timedelta:
        """The length of one slot."""
        return self.every or self.end - self.start

    @property
    def slots(self) -> int:
        """The number of slots."""
        return -(-(self.end - self.start) // self.every) if self.every else 1


def gap_map(
    slots: Sequence[Cell | tuple[datetime, datetime, SlotState]], *, look: Look
) -> list[str]:
    """The map's lines, sized to fit the terminal; empty without slots.

    Args:
        slots: in order of time.
        look: the terminal's capabilities.
    """
    if not slots:
        return []
    given = [slot if isinstance(slot, Cell) else Cell(*slot) for slot in slots]
    times = [(int(s.start.timestamp()), int(s.end.timestamp()), s.state) for s in given]
    first, last = times[0][0], max(end for _, end, _ in times)
    shortest = min(int(slot.length.total_seconds()) for slot in given)
    row = _row_length(first, last, shortest, look)
    label = len("2014-05-17") if row % _DAY == 0 else _LABEL
    columns = _columns(row, shortest, look.width - label - 1)
    begin = _row_start(first, row)
    cells = _worst(times, begin, row / columns)
    count = -(-(last - begin) // row)
    lines = [
        f"{_label(begin + number * row, label)} {_row(cells, number * columns, columns, look)}"
        for number in range(count)
    ]
    counts: Counter[SlotState] = Counter()
    for slot in given:
        counts[slot.state] += slot.slots
    return [*lines, *_legend(counts, label, look)]


def _row_length(first: int, last: int, shortest: int, look: Look) -> int:
    most = max(3, look.height - _OTHER_LINES)
    for length in _ROWS:
        fits = -(-(last - _row_start(first, length)) // length) <= most
        if fits and length >= _FEW * shortest:
            # People think in days: rows are no shorter if a day's slots fit on one.
            return max(length, _DAY) if (last - first) > _DAY // 2 else length
    return -(-(last - first) // most)


def _columns(row: int, shortest: int, room: int) -> int:
    """As many columns as slots in a row, or the largest even fraction that fits."""
    wanted = max(1, row // max(1, shortest))
    for share in range(1, wanted + 1):
        if wanted % share == 0 and wanted // share <= room:
            # Two characters per slot are easier to see, if they fit.
            columns = wanted // share
            return columns * max(1, min(3, room // columns)) if share == 1 else columns
    return room


def _row_start(first: int, row: int) -> int:
    origin = _MONDAY if row % (7 * _DAY) == 0 else 0
    return (first - origin) // row * row + origin


def _worst(
    times: Sequence[tuple[int, int, SlotState]], begin: int, width: float
) -> dict[int, SlotState]:
    cells: dict[int, SlotState] = {}
    for start, end, state in times:
        # Slightly before the end, so that a slot does not touch the next one's cell.
        for cell in range(int((start - begin) / width), int((end - begin - 0.001) / width) + 1):
            before = cells.get(cell)
            if before is None or _RANK[state] > _RANK[before]:
                cells[cell] = state
    return cells


def _row(cells: dict[int, SlotState], start: int, columns: int, look: Look) -> str:
    states = (cells.get(cell) for cell in range(start, start + columns))
    return "".join(_painted(states, look)).rstrip()


def _painted(states: Iterator[SlotState | None], look: Look) -> Iterator[str]:
    for state, group in groupby(states):
        length = sum(1 for _ in group)
        yield look.paint(look.mark(state) * length, state) if state is not None else " " * length


def _label(seconds: int, width: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"[:width]


def _legend(counts: Counter[SlotState], label: int, look: Look) -> list[str]:
    """The marks with their counts, wrapped at the terminal's width."""
    indent = " " * (label + 1)
    line, used = "", label + 1
    lines: list[str] = []
    for state in reversed(RANKS):
        if not counts[state]:
            continue
        text = f"{look.mark(state)} {counts[state]:,} {state}"
        if line and used + len(text) + 2 > look.width:
            lines.append(indent + line)
            line, used = "", label + 1
        line += ("  " if line else "") + look.paint(text, state)
        used += len(text) + 2
    return [*lines, indent + line]

"""A job's slots and files as columns: compact, and fast to parse in the page's scripts."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from backhaul import Slots, SlotState
from backhaul.commands import FileRow, SlotView, redact, stamp

# The page's scripts know the states by their place here, in the order in which they are painted.
ORDER: Final = (
    SlotState.VERIFIED,
    SlotState.SILENT,
    SlotState.PENDING,
    SlotState.PARTIAL,
    SlotState.SUSPECT,
    SlotState.MISSING,
    SlotState.FAILED,
    SlotState.CORRUPT,
    SlotState.LOST,
    SlotState.UNKNOWN,
)
CODES: Final = {state: code for code, state in enumerate(ORDER)}
MOST_HASHES: Final = 60_000  # 32 bytes each that nothing makes smaller
_MOST_NAMED = 20  # files that are told of a slot, where one file covers many slots
_DAY = 86400


class Runs:
    """A column as runs of equal values."""

    def __init__(self) -> None:
        self.flat: list[int] = []

    def add(self, value: int, times: int = 1) -> None:
        """Append a value."""
        if self.flat and self.flat[-2] == value:
            self.flat[-1] += times
        elif times:
            self.flat += (value, times)


class Texts:
    """Interned strings, by number; 0 is the empty string."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """The number of a string."""
        return self.known.setdefault(text, len(self.known))

    def cleaned(self) -> list[str]:
        """All strings in order, with secrets redacted."""
        return [redact(text) for text in self.known]


def _beyond(row: FileRow, slot: SlotView) -> bool:
    """Whether the file covers more than this slot."""
    if slot.start is None or slot.end is None or row.start is None or row.end is None:
        return False
    return row.start < slot.start.timestamp() or row.end > slot.end.timestamp()


class Columns:
    """Collects a job's slots in time order; files without a slot come last."""

    def __init__(self, runs: Sequence[Slots]) -> None:
        self._every = _equal_length(runs)
        self._said = {(run.start, run.end): run.records for run in runs if run.every is None}
        self._runs: list[list[Any]] = []
        self._end: int | None = None
        self._states, self._why, self._counts = Runs(), Runs(), Runs()
        self._file_states, self._file_why, self._hashed = Runs(), Runs(), Runs()
        self._texts = Texts()
        self._expected: list[tuple[int, int]] = []
        self._shared: list[tuple[int, list[int], int]] = []
        self._numbers: dict[int, int] = {}
        self._names: list[str] = []
        self._sizes: list[int | None] = []
        self._records: list[int | None] = []
        self._fetched: list[int | None] = []
        self._last_fetched = 0
        self._hashes: list[str] = []
        self.count = 0

    def add(self, slot: SlotView) -> None:
        """Append a slot with its files, or a range without files."""
        if slot.start is not None and slot.end is not None:
            self._times(slot.start, slot.end, slot.every)
            expected = self._said.get((slot.start, slot.end))
            if expected is not None:
                self._expected.append((self.count, expected))
        self._states.add(CODES[slot.state], slot.slots)
        self._why.add(self._texts.number(slot.reason), slot.slots)
        seen, before, numbers = False, len(self._names), []
        for row, state, reason in slot.found:
            number = self._numbers.get(row.id)
            seen = seen or number is not None or _beyond(row, slot)
            numbers.append(self._file(row, state, reason) if number is None else number)
        self._counts.add(len(self._names) - before, slot.slots)
        if seen:
            self._shared.append((self.count, numbers[:_MOST_NAMED], len(numbers)))
        self.count += slot.slots

    def _times(self, start: datetime, end: datetime, every: timedelta | None) -> None:
        first, last = stamp(start) or 0, stamp(end) or 0
        whole = 0 if every is None else (end - start) // every
        if every is not None and whole:
            self._time(first, int(every.total_seconds()), whole)
            first += whole * int(every.total_seconds())
        if first < last or not whole:
            self._time(first, last - first, 1)

    def _time(self, start: int, length: int, times: int) -> None:
        if self._runs and self._end == start and self._runs[-1][1] == length:
            self._runs[-1][2] += times
        else:
            self._runs.append([start, length, times])
        self._end = start + length * times

    def _file(self, row: FileRow, state: SlotState, reason: str) -> int:
        number = self._numbers[row.id] = len(self._names)
        self._names.append(row.name)
        self._file_states.add(CODES[state])
        kind = f"{row.kind}: " if row.kind and reason else ""
        self._file_why.add(self._texts.number(f"{kind}{reason}"))
        self._sizes.append(row.size)
        self._records.append(row.records)
        self._fetched.append(None if row.fetched is None else row.fetched - self._last_fetched)
        self._last_fetched = row.fetched or self._last_fetched
        self._hashed.add(int(row.sha256 is not None))
        if row.sha256 is not None:
            self._hashes.append(row.sha256)
        return number

    def packed(self, *, hashes: int = MOST_HASHES) -> dict[str, Any]:
        """The data embedded in the page: ``columns`` (zipped JSON) and ``sha256``, both as base64.

        Args:
            hashes: how many checksums there is room for; above that none is carried.
        """
        seconds = self._every
        columns = {
            "count": self.count,
            "shape": _shape(seconds),
            "every": seconds,
            "runs": self._runs,
            "states": self._states.flat,
            "why": self._why.flat,
            "texts": self._texts.cleaned(),
            "expected": self._expected,
            "file_counts": self._counts.flat,
            "shared": self._shared,
            "files": {
                "names": _redacted(self._names),
                "states": self._file_states.flat,
                "why": self._file_why.flat,
                "sizes": self._sizes,
                "records": self._records,
                "fetched": self._fetched,
                "hashed": self._hashed.flat,
            },
        }
        digests = bytes.fromhex("".join(self._hashes)) if len(self._hashes) <= hashes else b""
        return {
            "columns": packed(columns),
            "sha256": _base64(digests),
        }

    @property
    def counts_records(self) -> bool:
        """Whether any file's records were counted; those of documents are not."""
        return any(number is not None for number in self._records)

    @property
    def hashes(self) -> int:
        """How many files have a checksum."""
        return len(self._hashes)


def _equal_length(runs: Iterable[Slots]) -> int:
    """Length of a slot in seconds, if equal in all runs; otherwise 0."""
    lengths = {run.every for run in runs}
    length = lengths.pop() if len(lengths) == 1 else None
    return int(length.total_seconds()) if length else 0


def _shape(seconds: int) -> str:
    if seconds == _DAY:
        return "days"
    return "times" if seconds and seconds < _DAY and _DAY % seconds == 0 else "strip"


def _redacted(names: list[str]) -> list[str]:
    # All at once, since there may be very many; a name contains no line break.
    cleaned = redact("\n".join(names)).split("\n") if names else []
    return cleaned if len(cleaned) == len(names) else list(_each(names))


def _each(names: list[str]) -> Iterator[str]:
    return (redact(name) for name in names)


def packed(value: Any) -> str:
    """Zipped JSON as base64."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _base64(gzip.compress(text.encode(), 6, mtime=0))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

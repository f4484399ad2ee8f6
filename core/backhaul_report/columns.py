"""A job's slots and files as columns: compact, and fast to parse in the page's scripts."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Any, BinaryIO, Final

from backhaul import Proof, Slots, SlotState
from backhaul.commands import FileRow, SlotView, redact
from backhaul_report.streams import Runs, Values, redacted, spooled, write_base64, write_object

# The page's scripts refer to states by their position here, which is also the order of painting.
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
MOST_HASHES: Final = 60_000  # 32 incompressible bytes each
_MOST_TEXTS: Final = 20_000  # different reasons
_OTHER_TEXT: Final = "see backhaul gaps for the reason"
_MOST_NAMED = 20  # files listed for a slot, if one file covers many slots
_DAY = 86400


class Texts:
    """Interned strings, by number; 0 is the empty string."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """The number of a string; of a generic one once there are very many."""
        known = self.known.get(text)
        if known is None and len(self.known) >= _MOST_TEXTS:
            text = _OTHER_TEXT
        return self.known.setdefault(text, len(self.known)) if known is None else known

    def cleaned(self) -> list[str]:
        """All strings in order, with secrets redacted."""
        return [redact(text) for text in self.known]


def _covers_more(row: FileRow, slot: SlotView) -> bool:
    """Whether the file covers more than this slot."""
    if slot.start is None or slot.end is None or row.start is None or row.end is None:
        return False
    return row.start < slot.start.timestamp() or row.end > slot.end.timestamp()


class Columns:
    """Collects a job's slots in time order; files without a slot come last.

    Args:
        runs: the job's slots.
        files: closes the temporary files in the end.
    """

    def __init__(self, runs: Sequence[Slots], files: ExitStack) -> None:
        self._every = _equal_length(runs)
        self._said = {(run.start, run.end): run.records for run in runs if run.every is None}
        self._periods = Values(files)
        self._period: tuple[int, int, int] | None = None  # start, length, times
        self._states, self._why, self._counts = Runs(files), Runs(files), Runs(files)
        self._file_states, self._file_why, self._proofs = Runs(files), Runs(files), Runs(files)
        self._hashed = Runs(files)
        self._texts = Texts()
        self._proof_texts: dict[int, int] = {}
        self._expected, self._shared = Values(files), Values(files)
        self._lasting: dict[int, tuple[int, int]] = {}  # files of several slots: number and end
        self._names = Values(files, partial(redacted, redact))
        self._sizes, self._records, self._fetched = Values(files), Values(files), Values(files)
        self._last_fetched = 0
        self._hashes = spooled(files)
        self.hashes = 0
        self.files = 0
        self.count = 0
        self.counts_records = False

    def add(self, slot: SlotView) -> None:
        """Append a slot with its files, or a range without files."""
        if slot.start is not None and slot.end is not None:
            self._times(slot.start, slot.end, slot.every)
            expected = self._said.get((slot.start, slot.end))
            if expected is not None:
                self._expected.add((self.count, expected))
        self._states.add(CODES[slot.state], slot.slots)
        self._why.add(self._texts.number(slot.reason), slot.slots)
        seen, before, numbers = False, self.files, []
        for row, state, reason in slot.found:
            known = self._lasting.get(row.id)
            beyond = _covers_more(row, slot)
            seen = seen or known is not None or beyond
            number = self._file(row, state, reason) if known is None else known[0]
            if known is None and beyond:
                self._lasting[row.id] = (number, row.end or 0)
            numbers.append(number)
        if slot.names:
            self._absent(slot)
        self._counts.add(1 if slot.names else self.files - before, slot.slots)
        if seen:
            self._shared.add((self.count, numbers[:_MOST_NAMED], len(numbers)))
            self._forget(slot)
        self.count += slot.slots

    def is_new(self, row: FileRow) -> bool:
        """Whether the file occurs for the first time."""
        return row.id not in self._lasting

    def _forget(self, slot: SlotView) -> None:
        """Forgets files that end before the slot, since later slots cannot have them."""
        if slot.start is None or len(self._lasting) <= _MOST_NAMED:
            return
        start = slot.start.timestamp()
        for number in [number for number, (_, end) in self._lasting.items() if end <= start]:
            del self._lasting[number]

    def _times(self, start: datetime, end: datetime, every: timedelta | None) -> None:
        first, last = int(start.timestamp()), int(end.timestamp())
        whole = 0 if every is None else (end - start) // every
        if every is not None and whole:
            self._time(first, int(every.total_seconds()), whole)
            first += whole * int(every.total_seconds())
        if first < last or not whole:
            self._time(first, last - first, 1)

    def _time(self, start: int, length: int, times: int) -> None:
        if self._period is not None:
            first, before, number = self._period
            if before == length and first + before * number == start:
                self._period = (first, before, number + times)
                return
            self._periods.add(self._period)
        self._period = (start, length, times)

    def _file(self, row: FileRow, state: SlotState, reason: str) -> int:
        self._names.add(row.name)
        self._file_states.add(CODES[state])
        kind = f"{row.kind}: " if row.kind and reason else ""
        self._file_why.add(self._texts.number(f"{kind}{reason}"))
        self._proofs.add(self._proof(0 if row.size is None else row.proof or 0))
        self._sizes.add(row.size)
        self._records.add(row.records)
        self.counts_records = self.counts_records or row.records is not None
        self._fetched.add(None if row.fetched is None else row.fetched - self._last_fetched)
        self._last_fetched = row.fetched or self._last_fetched
        self._hashed.add(int(row.sha256 is not None))
        if row.sha256 is not None:
            self._hashes.write(bytes.fromhex(row.sha256))
            self.hashes += 1
        self.files += 1
        return self.files - 1

    def _absent(self, slot: SlotView) -> None:
        """Appends the absent files of a range."""
        number = len(slot.names)
        nothing = [None] * number
        self._names.add(*slot.names)
        self._file_states.add(CODES[slot.state], number)
        kind = f"{slot.kind}: " if slot.kind and slot.reason else ""
        self._file_why.add(self._texts.number(f"{kind}{slot.reason}"), number)
        self._proofs.add(self._proof(0), number)
        self._sizes.add(*nothing)
        self._records.add(*nothing)
        self._fetched.add(*nothing)
        self._hashed.add(0, number)
        self.files += number

    def _proof(self, bits: int) -> int:
        known = self._proof_texts.get(bits)
        if known is None:
            known = self._texts.number(", ".join(Proof(bits).words()))
            self._proof_texts[bits] = known
        return known

    def write(self, out: BinaryIO, *, hashes: int = MOST_HASHES) -> None:
        """Writes the page's data on the job, once: ``columns`` (zipped JSON) and ``sha256`` in base64.

        Args:
            out: receives two members of a JSON object.
            hashes: maximum number of checksums to include; if there are more, all are left out.
        """
        if self._period is not None:
            self._periods.add(self._period)
        out.write(b'"columns":"')
        write_object(out, self._parts())
        out.write(b'","sha256":"')
        if self.hashes <= hashes:
            self._hashes.seek(0)
            write_base64(out, iter(partial(self._hashes.read, 1 << 15), b""))
        self._hashes.close()
        out.write(b'"')

    def _parts(self) -> Iterable[tuple[str, Any]]:
        return (
            ("count", self.count),
            ("shape", _shape(self._every)),
            ("every", self._every),
            ("runs", self._periods),
            ("states", self._states),
            ("why", self._why),
            ("texts", self._texts.cleaned()),
            ("expected", self._expected),
            ("file_counts", self._counts),
            ("shared", self._shared),
            ("files", (
                ("count", self.files),
                ("names", self._names),
                ("states", self._file_states),
                ("why", self._file_why),
                ("proofs", self._proofs),
                ("sizes", self._sizes),
                ("records", self._records),
                ("fetched", self._fetched),
                ("hashed", self._hashed),
            )),
        )  # fmt: skip


def _equal_length(runs: Iterable[Slots]) -> int:
    """Length of a slot in seconds, if equal in all runs; otherwise 0."""
    lengths = {run.every for run in runs}
    length = lengths.pop() if len(lengths) == 1 else None
    return int(length.total_seconds()) if length else 0


def _shape(seconds: int) -> str:
    if seconds == _DAY:
        return "days"
    return "times" if seconds and seconds < _DAY and _DAY % seconds == 0 else "strip"

"""Jobs as a table with bars, and notes on them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backhaul.ledger.rows import JobRow, moment
from backhaul.types import HERE, SlotState
from backhaul.views.look import Look, bar
from backhaul.wording import count, refused

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_BAR: Final = 24
_SHORT_BAR: Final = 4
_NAME: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A row of the table.

    Attributes:
        name: the job's.
        there: its state at the provider, in one or two words.
        counts: files by state (see SlotState).
        reported: files by the provider's own count.
        records: of verified files.
        expires: how long the provider keeps it, as text.
        extra: an additional column, such as a rate.
        notes: lines below the row.
    """

    name: str
    there: str
    counts: Mapping[str, int]
    reported: int | None = None
    records: int = 0
    expires: str = ""
    extra: str = ""
    notes: tuple[str, ...] = ()


def status_table(jobs: Sequence[JobLine], *, look: Look) -> list[str]:
    """The lines of the table, without columns that are empty in all rows."""
    head = ("job", "provider", "here", "", "records", "expires", "")
    length = _BAR
    while True:
        rows = [_cells(job, look, length) for job in jobs]
        used = [number for number in range(len(head)) if any(row[number] for row in rows)]
        table = [[row[number] for number in used] for row in (head, *rows)]
        widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
        over = sum(widths) + 2 * (len(widths) - 1) - look.width
        if over <= 0 or length <= _SHORT_BAR:
            break
        length = max(_SHORT_BAR, length - over)  # the bar is shortened
    if over > 0 and any(job.records or job.expires for job in jobs):
        return status_table([_narrower(job) for job in jobs], look=look)
    lines = [_padded(row, widths) for row in table]
    return [lines[0], *_with_notes(lines[1:], jobs, look)]


def _narrower(job: JobLine) -> JobLine:
    """The job with its records and expiry moved to a line below the row."""
    records = [count(job.records, "record")] if job.records else []
    expires = [f"expires {job.expires}"] if job.expires else []
    extra = [", ".join([*records, *expires])] if records or expires else []
    return replace(job, records=0, expires="", notes=(*extra, *job.notes))


def _cells(job: JobLine, look: Look, length: int) -> tuple[str, ...]:
    counts = {SlotState(state): count for state, count in job.counts.items()}
    total = max(sum(counts.values()), job.reported or 0)
    unlisted = total - sum(counts.values())
    if unlisted:
        counts[SlotState.PENDING] = counts.get(SlotState.PENDING, 0) + unlisted
    done = sum(number for state, number in counts.items() if state in HERE)
    return (
        job.name if len(job.name) <= _NAME else f"{job.name[: _NAME - 2]}..",
        job.there,
        bar(counts, width=length, look=look) if total else "nothing yet",
        f"{done:,} of {count(total, 'file')}" if total else "",
        f"{job.records:,}" if job.records else "",
        job.expires,
        job.extra,
    )


def _with_notes(lines: Sequence[str], jobs: Sequence[JobLine], look: Look) -> Iterator[str]:
    for line, job in zip(lines, jobs, strict=True):
        yield line
        others = [
            look.paint(f"{count:,} {state}", SlotState(state))
            for state, count in job.counts.items()
            if state != SlotState.VERIFIED
        ]
        if others:
            yield f"  {', '.join(others)}"
        for note in job.notes:
            text = f"  {note}"
            yield text if len(text) <= look.width else f"{text[: look.width - 2]}.."


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
    ).rstrip()


def _width(text: str) -> int:
    return len(_ANSI.sub("", text))


def notes(row: JobRow) -> Iterator[str]:
    """Notes that the provider refused when it was last asked, and that silence is not proven."""
    refusal = row.refused_with()
    if refusal is not None:
        yield refused(*refusal, moment(row.refused))
    if row.doubt:
        yield doubtful(row.doubt)


def doubtful(doubt: str) -> str:
    """Notes that silence is not proven, and why."""
    return f"unknown which slots are silent: {doubt}"

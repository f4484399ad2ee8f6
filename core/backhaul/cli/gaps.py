"""``backhaul gaps``: every slot that is not verified, and why; offline."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from json import dumps
from json.encoder import encode_basestring
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import library, output
from backhaul.cli.common import Configs, Csv, JobNames, Json, command
from backhaul.cli.csv_lines import write_csv
from backhaul.cli.look import look
from backhaul.cli.selecting import selecting
from backhaul.errors import ExitCode
from backhaul.redact import redact
from backhaul.wording import count, day_or_time, iso

if TYPE_CHECKING:
    from backhaul.archive.gaps import Gap
    from backhaul.archive.jobs import KnownJob
    from backhaul.archive.slot_views import SlotView
    from backhaul.selection import Selection
    from backhaul.views.gap_map import Cell

_HELD = 1 << 20  # characters of lines in memory; more are put on disk
_AT_ONCE = 1000  # lines

All = Annotated[
    bool, typer.Option("--all", help="List silent slots too; without it they are counted.")
]


_COLUMNS = ("job", "start", "end", "state", "file", "reason")


@command
@selecting
def gaps(
    configs: Configs,
    *,
    job: JobNames = None,
    every: All = False,
    selection: "Selection",
    json: Json = False,
    csv: Csv = False,
) -> int:
    """List every slot that is not verified, and why.

    Examples:
      backhaul gaps hpt.yaml
      backhaul gaps hpt.yaml --job worldcup --all
    """
    found = library.known_jobs(library.load_outline(configs), job or ())
    if csv:
        each = (gap for known in found for gap in library.gap_ranges(known, selection=selection))
        write_csv(
            _COLUMNS, ({"job": one.job, **one.as_json()} for gap in each for one in gap.each())
        )
        return ExitCode.OK
    if json:
        output.stream_json(
            "jobs", (({"job": known.name}, "slots", _as_json(known, selection)) for known in found)
        )
        return ExitCode.OK
    for known in found:
        _show(known, selection, every=every)
    return ExitCode.OK


def _as_json(known: "KnownJob", selection: "Selection") -> Iterator[output.Written]:
    for gap in library.gap_ranges(known, selection=selection):
        yield from map(output.Written, _written(gap))


def _written(gap: "Gap") -> Iterator[str]:
    """A gap, or each slot of a range, as JSON; quick, since there may be a million of them."""
    file = "null" if gap.file is None else encode_basestring(gap.file)
    tail = f'"state": "{gap.state}", "file": {file}, "reason": {_reason(gap.reason)}}}'
    if gap.start is None or gap.end is None:
        yield f'{{"start": {dumps(iso(gap.start))}, "end": {dumps(iso(gap.end))}, {tail}'
        return
    start, text = gap.start, iso(gap.start)
    while start < gap.end or gap.every is None:
        end = gap.end if gap.every is None else min(start + gap.every, gap.end)
        before, text = text, iso(end)
        yield f'{{"start": "{before}", "end": "{text}", {tail}'
        if gap.every is None:
            return
        start = end


@lru_cache
def _reason(reason: str) -> str:
    return encode_basestring(redact(reason))


class _Seen:
    """Counts a job's slots by state, and keeps them for the map if there is to be one."""

    def __init__(self, *, mapped: bool) -> None:
        self.states: Counter[backhaul.SlotState] = Counter()
        self.cells: list[Cell] | None = [] if mapped else None

    def add(self, slot: "SlotView") -> None:
        """Takes slots; a file without a period, such as a list of suspect minutes, is none."""
        if slot.start is None or slot.end is None:
            return
        self.states[slot.state] += slot.slots
        if self.cells is None:
            return
        every = slot.every or slot.end - slot.start
        last = self.cells[-1] if self.cells else None
        if last is not None and (last.end, last.state, last.every) == (
            slot.start,
            slot.state,
            every,
        ):
            self.cells[-1] = last._replace(end=slot.end)
        else:
            self.cells.append(library.Cell(slot.start, slot.end, slot.state, every))


def _show(known: "KnownJob", selection: "Selection", *, every: bool) -> None:
    name = output.colour(known.name, "bold")
    if known.row is None:
        output.line(f"{name}: not requested yet; run it first")
        return
    slots = _Seen(mapped=output.is_terminal(output.Stdout.stream()))
    with SpooledTemporaryFile(_HELD, "w+", encoding="utf-8") as lines:  # the counts come first
        line = _Lines().line
        shown = (
            f"{line(gap)}\n"
            for gap in _joined(library.gap_ranges(known, slots.add, selection))
            if every or gap.state is not backhaul.SlotState.SILENT
        )
        while some := "".join(islice(shown, _AT_ONCE)):
            lines.write(some)
        seen = slots.states
        states = ", ".join(f"{number:,} {state}" for state, number in seen.most_common())
        output.line(f"{name}: {count(sum(seen.values()), 'slot')}{': ' if states else ''}{states}")
        lines.seek(0)
        output.lines(lines)
    silent = seen[backhaul.SlotState.SILENT]
    if silent and not every:
        output.line(
            f"  {count(silent, 'silent slot')}: the provider lists nothing for them (--all lists them)"
        )
    if slots.cells:
        _draw(slots.cells)
    for note in library.notes(known.row):
        output.line(f"  {output.colour('note:', 'warn')} {output.words(note)}")
    if known.row.listed is None and not known.row.doubt:
        output.line("  the provider's list is not complete yet; run again")


def _draw(cells: "list[Cell]") -> None:
    for line in library.gap_map(cells, look=look()):
        output.line(line)


def _joined(gaps: "Iterator[Gap]") -> "Iterator[Gap]":
    """Has slots without files that follow each other alike stand on one line."""
    last: Gap | None = None
    for gap in gaps:
        if last is not None:
            if gap.file is None and last.file is None and _continues(last, gap):
                last = replace(last, end=gap.end, every=last.every or _length(last))
                continue
            yield last
        last = gap
    if last is not None:
        yield last


def _continues(last: "Gap", gap: "Gap") -> bool:
    return (
        gap.start is not None
        and gap.start == last.end
        and (gap.state, gap.reason) == (last.state, last.reason)
        and (gap.every or _length(gap)) == (last.every or _length(last))
    )


def _length(gap: "Gap") -> timedelta:
    return gap.end - gap.start if gap.start is not None and gap.end is not None else timedelta(0)


class _Lines:
    """The lines of gaps. There may be millions: a text that the line before has is not made again."""

    def __init__(self) -> None:
        self._end: tuple[datetime | None, str] = (None, "")

    def line(self, gap: "Gap") -> str:
        """The line of a gap."""
        period = ""
        if gap.start is not None:
            last, text = self._end
            start = text if gap.start is last else _moment(gap.start)
            self._end = gap.end, _moment(gap.end)
            period = f"{start} to {self._end[1]}"
        file = f"  {gap.file}" if gap.file else ""
        several = f" ({gap.slots:,} slots)" if gap.every is not None and gap.slots > 1 else ""
        reason = f"  {_words(gap.reason)}" if gap.reason else ""
        return f"  {period}  {gap.state}{several}{file}{reason}"


def _moment(time: datetime | None) -> str:
    return day_or_time(iso(time) or "")


@lru_cache
def _words(reason: str) -> str:
    return output.words(reason)

"""``backhaul gaps``: every slot that is not verified, and why; offline."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, islice, repeat
from json import dumps
from json.encoder import encode_basestring
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import library, output
from backhaul.cli.common import Configs, Csv, JobNames, Json, command
from backhaul.cli.csv_lines import cell, cells, write_cells
from backhaul.cli.selecting import selecting
from backhaul.errors import ExitCode
from backhaul.redact import redact
from backhaul.wording import count, iso, people_time, periods

if TYPE_CHECKING:
    from backhaul.archive.gaps import Gap
    from backhaul.archive.jobs import KnownJob
    from backhaul.archive.slot_views import SlotView
    from backhaul.selection import Selection
    from backhaul.views.gap_map import Cell

_HELD = 1 << 20  # characters of lines in memory; more are put on disk
_AT_ONCE = 1000  # lines

All = Annotated[
    bool, typer.Option("--all", help="List silent slots too, instead of only counting them.")
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
        write_cells(_COLUMNS, chain.from_iterable(map(_cells, each)))
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
        slots = _written(gap)
        while some := list(islice(slots, _AT_ONCE)):
            yield output.Written.several(some)


def _written(gap: "Gap") -> Iterator[str]:
    """A gap, or each slot of a range, as JSON; fast, since there may be a million of them."""
    state = f'"state": "{gap.state}", "file": '
    reason = f', "reason": {_reason(gap.reason)}}}'
    if gap.start is None or gap.end is None:
        start, end = dumps(iso(gap.start)), dumps(iso(gap.end))
        yield f'{{"start": {start}, "end": {end}, {state}{_file(gap.file)}{reason}'
        return
    files = map(_file, gap.names) if gap.names else repeat(_file(gap.file))
    for (start, end), file in zip(_periods(gap), files, strict=False):
        yield f'{{"start": "{start}", "end": "{end}", {state}{file}{reason}'


def _file(name: str | None) -> str:
    return "null" if name is None else encode_basestring(name)


def _cells(gap: "Gap") -> Iterator[list[str]]:
    """The cells of a gap, or of each slot of a range."""
    job, state, reason = map(cell, (gap.job, gap.state, gap.reason))
    if gap.start is None or gap.end is None:
        yield [job, cell(iso(gap.start)), cell(iso(gap.end)), state, cell(gap.file), reason]
        return
    files = cells(gap.names) if gap.names else repeat(cell(gap.file))
    for (start, end), file in zip(_periods(gap), files, strict=False):
        yield [job, start, end, state, file, reason]


def _periods(gap: "Gap", form: Callable[[datetime], str | None] = iso) -> Iterator[tuple[str, str]]:
    """The start and end of a gap's slots."""
    if gap.start is None or gap.end is None or gap.every is None:
        ends = (form(end) if end is not None else None for end in (gap.start, gap.end))
        start, end = ((text or "") for text in ends)
        return iter(((start, end),))
    return periods(gap.start, gap.end, gap.every, form)


@lru_cache
def _reason(reason: str) -> str:
    return encode_basestring(redact(reason))


class _SlotCounter:
    """Counts a job's slots by state, and keeps them for the map if there is to be one."""

    def __init__(self, *, mapped: bool) -> None:
        self.states: Counter[backhaul.SlotState] = Counter()
        self.cells: list[Cell] | None = [] if mapped else None

    def add(self, slot: "SlotView") -> None:
        """Counts slots; a file without a period, such as a list of suspect minutes, is not a slot."""
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
    slots = _SlotCounter(mapped=output.is_terminal(output.Stdout.stream()))
    with SpooledTemporaryFile(
        _HELD, "w+", encoding="utf-8"
    ) as lines:  # the counts are printed first
        shown = chain.from_iterable(
            _lines(gap)
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
        output.each_line(library.gap_map(slots.cells, look=output.look()))
    for note in library.notes(known.row):
        output.line(f"  {output.colour('note:', 'warn')} {output.words(note)}")
    if known.row.listed is None and not known.row.doubt:
        output.line("  the provider's list is not complete yet; run again")


def _joined(gaps: "Iterator[Gap]") -> "Iterator[Gap]":
    """Merges similar consecutive slots without files into one line."""
    last: Gap | None = None
    for gap in gaps:
        if last is not None:
            if not (gap.file or last.file or gap.names or last.names) and _continues(last, gap):
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


def _lines(gap: "Gap") -> Iterator[str]:
    """The line of a gap, or of each slot of a range of files."""
    reason = f"  {_words(gap.reason)}" if gap.reason else ""
    if gap.start is not None and gap.end is not None and gap.names:
        ends = f"  {gap.state}  "
        for (start, end), name in zip(_periods(gap, people_time), gap.names, strict=True):
            yield f"  {start} to {end}{ends}{name}{reason}\n"
        return
    period = ""
    if gap.start is not None and gap.end is not None:
        period = f"{people_time(gap.start)} to {people_time(gap.end)}"
    file = f"  {gap.file}" if gap.file else ""
    several = f" ({gap.slots:,} slots)" if gap.every is not None and gap.slots > 1 else ""
    yield f"  {period}  {gap.state}{several}{file}{reason}\n"


@lru_cache
def _words(reason: str) -> str:
    return output.words(reason)

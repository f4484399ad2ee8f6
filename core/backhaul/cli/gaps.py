"""``backhaul gaps``: every slot that is not verified, and why; offline."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any

import typer

from backhaul import api
from backhaul.archive.coverage import SlotView
from backhaul.archive.gaps import job_gaps
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.errors import ExitCode
from backhaul.types import SlotState
from backhaul.views import Look, gap_map
from backhaul.views.gap_map import Cell
from backhaul.views.notes import notes
from backhaul.wording import count, day_or_time

All = Annotated[
    bool, typer.Option("--all", help="List silent slots too; without it they are counted.")
]


@command
def gaps(configs: Configs, *, job: JobNames = None, every: All = False, json: Json = False) -> int:
    """List every slot that is not verified, and why.

    Examples:
      backhaul gaps hpt.yaml
      backhaul gaps hpt.yaml --job worldcup --all
    """
    found = known_jobs(api.outline(*configs).configs, job or ())
    if json:
        output.stream_json(
            "jobs", (({"job": known.name}, "slots", _gaps(known)) for known in found)
        )
        return ExitCode.OK
    for known in found:
        _show(known, every=every)
    return ExitCode.OK


class _Seen:
    """Counts a job's slots by state, and keeps them for the map if there is to be one."""

    def __init__(self, *, mapped: bool) -> None:
        self.states: Counter[str] = Counter()
        self.cells: list[Cell] | None = [] if mapped else None

    def add(self, slot: SlotView) -> None:
        """Takes a slot; a file without a period, such as a list of doubtful minutes, is none."""
        if slot.start is None:
            return
        self.states[str(slot.state)] += 1
        if self.cells is not None and slot.end is not None:
            self.cells.append((slot.start, slot.end, slot.state))


def _gaps(known: KnownJob, seen: _Seen | None = None) -> Iterator[dict[str, Any]]:
    told = seen.add if seen is not None else None
    return (each.as_json() for each in job_gaps(known, told))


def _show(known: KnownJob, *, every: bool) -> None:
    name = output.colour(known.name, "bold")
    if known.row is None:
        output.line(f"{name}: not requested yet; run it first")
        return
    slots = _Seen(mapped=output.is_terminal(output.Stdout.stream()))
    groups = groupby(_joined(_gaps(known, slots)), key=lambda each: each["group"])
    found = (list(group) for _, group in groups)
    lines = [_line(group) for group in found if every or group[0]["state"] != str(SlotState.SILENT)]
    seen = slots.states
    states = ", ".join(f"{number:,} {state}" for state, number in seen.most_common())
    output.line(f"{name}: {count(sum(seen.values()), 'slot')}{': ' if states else ''}{states}")
    for line in lines:
        output.line(line)
    silent = seen[str(SlotState.SILENT)]
    if silent and not every:
        output.line(
            f"  {count(silent, 'silent slot')}: the provider lists nothing for them (--all lists them)"
        )
    if slots.cells:
        _draw(slots.cells)
    for note in notes(known.row):
        output.line(f"  {output.colour('note:', 'warn')} {output.words(note)}")
    if known.row.listed is None and not known.row.doubt:
        output.line("  the provider's list is not complete yet; run again")


def _draw(cells: list[Cell]) -> None:
    for line in gap_map(cells, look=Look.of(output.Stdout.stream())):
        output.line(line)


def _joined(entries: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Marks what can stand on one line: slots without files that follow each other alike."""
    group = 0
    last: dict[str, Any] = {}
    for entry in entries:
        follows = (
            last
            and entry["file"] is None
            and last["file"] is None
            and entry["start"] is not None
            and entry["start"] == last["end"]
            and (entry["state"], entry["reason"]) == (last["state"], last["reason"])
        )
        group += not follows
        entry["group"] = group
        last = entry
        yield entry


def _line(group: list[dict[str, Any]]) -> str:
    first, last = group[0], group[-1]
    period = (
        f"{day_or_time(first['start'])} to {day_or_time(last['end'])}" if first["start"] else ""
    )
    file = f"  {first['file']}" if first["file"] else ""
    several = f" ({len(group):,} slots)" if len(group) > 1 else ""
    reason = f"  {output.words(first['reason'])}" if first["reason"] else ""
    return f"  {period}  {first['state']}{several}{file}{reason}"

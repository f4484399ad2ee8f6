"""``backhaul gaps``: every slot that is not verified, and why; offline."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any

import typer

from backhaul.archive.coverage import job_slots, on_disk_state
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.cli.configs import load_outline
from backhaul.errors import ExitCode
from backhaul.types import SlotState
from backhaul.views import Look, gap_map
from backhaul.views.gap_map import Cell
from backhaul.views.notes import notes
from backhaul.wording import count, day_or_time, iso

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
    found = known_jobs(load_outline(configs), job or ())
    if json:
        output.stream_json(
            "jobs", (({"job": known.name}, "slots", _gaps(known, Counter())) for known in found)
        )
        return ExitCode.OK
    for known in found:
        _show(known, every=every)
    return ExitCode.OK


def _gaps(
    known: KnownJob, seen: Counter[str], cells: list[Cell] | None = None
) -> Iterator[dict[str, Any]]:
    """One entry for each file that is not verified, and for each slot that has no file.

    Counts all slots by state in ``seen`` on the way, and keeps them in ``cells`` for the map.
    """
    if known.row is None:
        return
    size_of = known.folder.size if known.folder is not None else lambda _: None
    for slot in job_slots(known.ledger, known.row, known.folder):
        if (
            slot.start is not None
        ):  # a file without a period, such as a list of doubtful minutes, is none
            seen[str(slot.state)] += 1
        if cells is not None and slot.start is not None and slot.end is not None:
            cells.append((slot.start, slot.end, slot.state))
        if slot.state is SlotState.VERIFIED:
            continue
        entry = {"start": iso(slot.start), "end": iso(slot.end)}
        states = [(row.name, *on_disk_state(row, size_of)) for row in slot.files]
        short = [each for each in states if each[1] is not SlotState.VERIFIED]
        for name, state, reason in short:
            yield {**entry, "state": str(state), "file": name, "reason": reason}
        if not short:
            yield {**entry, "state": str(slot.state), "file": None, "reason": slot.reason}


def _show(known: KnownJob, *, every: bool) -> None:
    name = output.colour(known.name, "bold")
    if known.row is None:
        output.line(f"{name}: not requested yet; run it first")
        return
    seen: Counter[str] = Counter()
    cells: list[Cell] | None = [] if output.is_terminal(output.Stdout.stream()) else None
    groups = groupby(_joined(_gaps(known, seen, cells)), key=lambda each: each["group"])
    found = (list(group) for _, group in groups)
    lines = [_line(group) for group in found if every or group[0]["state"] != str(SlotState.SILENT)]
    states = ", ".join(f"{number:,} {state}" for state, number in seen.most_common())
    output.line(f"{name}: {count(sum(seen.values()), 'slot')}{': ' if states else ''}{states}")
    for line in lines:
        output.line(line)
    silent = seen[str(SlotState.SILENT)]
    if silent and not every:
        output.line(
            f"  {count(silent, 'silent slot')}: the provider lists nothing for them (--all lists them)"
        )
    if cells:
        _draw(cells)
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

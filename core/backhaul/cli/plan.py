"""``backhaul plan``: what a run would do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import backhaul
from backhaul.cli import output
from backhaul.cli.common import Configs, Csv, JobNames, Json, LimitRate, command
from backhaul.cli.complaints import complain, no_jobs
from backhaul.cli.csv_lines import write_csv
from backhaul.cli.selecting import selecting
from backhaul.wording import count, human, span, until

if TYPE_CHECKING:
    from backhaul import JobPlan, Plan
    from backhaul.selection import Selection


_COLUMNS = (
    "job", "source", "provider", "state", "files", "bytes", "api_calls", "expires_at", "listed", "rate_cost",
    "seconds", "late", "message", "warnings", "error.kind", "error.message",
)  # fmt: skip


@command
@selecting
def plan(
    configs: Configs,
    *,
    job: JobNames = None,
    selection: "Selection",
    limit_rate: LimitRate = None,
    json: Json = False,
    csv: Csv = False,
) -> int:
    """Show what a run would fetch, its duration and the space needed.

    Examples:
      backhaul plan hpt.yaml
      backhaul plan hpt.yaml --limit-rate 5M --json
    """
    archive = backhaul.load(*configs)
    no_jobs(archive.configs)
    found = archive.plan(job or (), limit_rate=limit_rate, selection=selection)
    return show_plan(found, json=json, csv=csv)


def show_plan(found: "Plan", *, json: bool, csv: bool = False) -> int:
    """Prints a plan; returns the exit code."""
    for each in found.jobs:
        if each.error is not None:
            complain(f"{each.job}: {each.error.message}")
    if csv:
        write_csv(_COLUMNS, found.as_json()["jobs"])
    elif json:
        output.as_json(found.as_json())
    else:
        for line in _lines(found):
            output.line(line)
    return found.exit_code


def _lines(found: "Plan") -> Iterator[str]:
    plans = found.jobs
    for each in plans:
        yield from _job(each)
    if len(plans) > 1:
        files = sum(each.files or 0 for each in plans)
        size = sum(each.bytes or 0 for each in plans)
        calls = sum(each.api_calls or 0 for each in plans)
        more = "at least " if any(_unknown(each) for each in plans) else ""
        yield (
            f"total: {more}{count(files, 'file')}, {human(size)} to fetch;"
            f" {count(calls, 'API call')} made for planning"
        )
    for disk in found.disks:
        if disk.free is None:
            continue
        yield f"disk: {human(disk.free)} free at {disk.dest}"
        if disk.fits is False:
            yield output.colour(
                f"  not enough: {human(disk.needed)} to fetch on top of"
                f" min_free_space ({human(disk.keep_free)})",
                "bad",
            )


def _unknown(each: "JobPlan") -> bool:
    return each.error is not None or each.files is None or each.bytes is None


def _job(each: "JobPlan") -> Iterator[str]:
    name = output.colour(each.job, "bold")
    if each.state is None:
        yield f"{name}: could not be planned"
        return
    message = f" ({output.words(each.message)})" if each.message else ""
    yield f"{name}: {each.state.value}{message}"
    if each.error is not None:
        yield "  could not be listed"
    elif each.listed:
        if each.files is None:
            yield "  to fetch: a queue of unknown length"
        else:
            size = human(each.bytes) if each.bytes is not None else "size unknown"
            here = each.listed - each.files - each.unsafe
            time = f", about {span(each.seconds)}" if each.seconds and each.files else ""
            yield f"  to fetch: {each.files:,} of {count(each.listed, 'file')} ({size}){time}; {here:,} already downloaded"
    if each.unsafe:
        yield f"  {count(each.unsafe, 'file')} cannot be stored: invalid names"
    if each.api_calls:
        cost = f", {each.cost:g} rate points" if each.cost else ""
        yield f"  {count(each.api_calls, 'API call')}{cost} made for planning; a run makes the same"
    if each.expires is not None:
        yield f"  expires {until(each.expires, each.now)} ({each.expires:%Y-%m-%d %H:%M} UTC)"
    if each.late:
        finished = span(each.finished or 0)
        yield output.colour(
            f"  unlikely to finish before the data expires: {finished} at"
            f" {human(each.rate or 0)}/s, fetching jobs that expire first before others",
            "bad",
        )
    for warning in each.warnings:
        yield f"  {output.colour('note:', 'warn')} {output.words(warning)}"

"""``backhaul status``: each job's state, at the provider and on this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import backhaul
from backhaul.cli import library, output
from backhaul.cli.common import Configs, Csv, JobNames, Json, Offline, command
from backhaul.cli.complaints import complain
from backhaul.cli.csv_lines import write_csv
from backhaul.wording import count, lost, refused, until

_BAR: Final = 24
_SHORT: Final = (
    "pending", "partial", "missing", "lost", "corrupt", "suspect", "failed", "unknown",
)  # fmt: skip
_STATES: Final = (
    "verified",
    "suspect",
    "pending",
    "partial",
    "missing",
    "lost",
    "failed",
    "corrupt",
    "unknown",
)


_COLUMNS: Final = (
    "job", "source", "provider",
    "at_provider.state", "at_provider.percent", "at_provider.message", "at_provider.expires_at",
    "at_provider.files", "at_provider.records", "at_provider.bytes", "at_provider.warnings",
    "at_provider.asked_at", "at_provider.ready_in",
    "refused.at", "refused.kind", "refused.message", "doubt",
    "here.listed", "here.pending", "here.partial", "here.verified", "here.missing", "here.corrupt",
    "here.suspect", "here.lost", "here.failed", "here.unknown", "here.records", "here.folder",
)  # fmt: skip


@command
def status(
    configs: Configs,
    *,
    job: JobNames = None,
    offline: Offline = False,
    json: Json = False,
    csv: Csv = False,
) -> int:
    """Show the state of each job, at its provider and on this machine.

    Examples:
      backhaul status hpt.yaml
      backhaul status *.yaml --offline --json
    """
    archive = (
        backhaul.Archive(library.load_outline(configs), offline=True)
        if offline
        else backhaul.load(*configs)
    )
    found = archive.status(job or (), offline=offline)
    for each in found.jobs:
        if each.error is not None:
            complain(f"{each.job}: source {each.source}: {each.error.message}")
    if csv:
        write_csv(_COLUMNS, found.as_json()["jobs"])
        return found.exit_code
    if json:
        output.as_json(found.as_json())
        return found.exit_code
    now = datetime.now(UTC)
    entries = [each.as_json() for each in found.jobs]
    for each, entry in zip(found.jobs, entries, strict=True):
        if each.error is not None and entry["refused"] is not None:
            fresh = entry["refused"]["message"] == each.error.message
            entry["refused"]["message"] = "" if fresh else entry["refused"]["message"]  # on stderr
    if output.is_terminal(output.Stdout.stream()) and entries:
        _draw(entries, now)
    else:
        for entry in entries:
            _show(entry, now)
    return found.exit_code


def _draw(entries: list[dict[str, Any]], now: datetime) -> None:
    """A table with a bar per job; text that does not fit a column goes below it."""
    lines = [
        library.JobLine(
            name=each["job"],
            there=_provider_state(each),
            counts={word: each["here"][word] for word in _STATES if each["here"][word]},
            reported=(each["at_provider"] or {}).get("files"),
            records=each["here"]["records"],
            expires=_expires(each["at_provider"], now),
            notes=tuple(_notes(each)),
        )
        for each in entries
    ]
    for line in library.status_table(lines, look=output.look()):
        output.line(line)


def _provider_state(entry: dict[str, Any]) -> str:
    reported = entry["at_provider"]
    if reported is None:
        return "not contacted yet" if entry["refused"] is None else "refused"
    percent = f" {reported['percent']:.0f} %" if reported["percent"] is not None else ""
    return f"{reported['state']}{percent}"


def _expires(reported: dict[str, Any] | None, now: datetime) -> str:
    if reported is None or reported["expires_at"] is None:
        return ""
    return until(datetime.fromisoformat(reported["expires_at"]), now)


def _notes(entry: dict[str, Any]) -> Iterator[str]:
    reported = entry["at_provider"]
    if reported is not None and reported["message"]:
        yield output.words(reported["message"])
    if entry["refused"] is not None:
        yield _refused(entry["refused"])
    yield from _warnings(entry)


def _warnings(entry: dict[str, Any]) -> Iterator[str]:
    reported = entry["at_provider"]
    if reported is not None:
        yield from map(output.words, reported["warnings"])
    if entry["doubt"]:
        yield output.words(library.doubtful(entry["doubt"]))
    if entry["here"]["lost"]:
        yield lost(entry["here"]["lost"])


def _refused(refusal: dict[str, Any]) -> str:
    at = datetime.fromisoformat(refusal["at"])
    return output.words(refused(refusal["kind"], refusal["message"], at))


def _show(entry: dict[str, Any], now: datetime) -> None:
    name = output.colour(entry["job"], "bold")
    output.line(f"{name} ({entry['source']}, {entry['provider']})")
    there, here = entry["at_provider"], entry["here"]
    if there is None and entry["refused"] is None:
        output.line("  provider: not contacted yet")
    elif there is None:
        output.line(f"  provider: {_refused(entry['refused'])}")
    else:
        percent = f" {there['percent']:.0f} %" if there["percent"] is not None else ""
        message = f" ({output.words(there['message'])})" if there["message"] else ""
        output.line(f"  provider: {there['state']}{percent}{message}")
        if there["expires_at"] is not None:
            expires = datetime.fromisoformat(there["expires_at"])
            output.line(f"  expires:  {until(expires, now)} ({expires:%Y-%m-%d %H:%M} UTC)")
        if entry["refused"] is not None:
            output.line(f"  since:    {_refused(entry['refused'])}")
    for warning in _warnings(entry):
        output.line(f"  {output.colour('note:', 'warn')} {warning}")
    total = max(here["listed"], (there or {}).get("files") or 0)
    done = here["verified"] + here["suspect"]
    if not total:
        output.line("  here:     nothing yet")
        return
    bar = "#" * int(_BAR * done / total)
    records = f", {count(here['records'], 'record')}" if here["records"] else ""
    output.line(f"  here:     [{bar.ljust(_BAR, '.')}] {done:,} of {count(total, 'file')}{records}")
    others = [f"{here[state]:,} {state}" for state in _SHORT if here[state]]
    if others:
        output.line(f"            {', '.join(others)}")

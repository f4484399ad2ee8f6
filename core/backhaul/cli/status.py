"""``backhaul status``: each job, at the provider and here."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from backhaul.archive.coverage import count_silence
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.archive.unrecoverable import told
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, Offline, command
from backhaul.cli.complaints import complain
from backhaul.cli.configs import load_configs, load_outline, run_wide
from backhaul.config import Config
from backhaul.errors import BackhaulError, ExitCode, worst
from backhaul.ledger.rows import moment
from backhaul.run.asking import ask_each
from backhaul.run.job import TaskSpec
from backhaul.run.prepare import make_http, task_specs
from backhaul.types import JobStatus, SlotState
from backhaul.views import Look
from backhaul.views.notes import doubtful
from backhaul.views.status_table import JobLine, status_table
from backhaul.wording import count, iso, refused, until

_Key = tuple[Path, str]  # a job of that name may be in several destinations
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


@command
def status(
    configs: Configs, *, job: JobNames = None, offline: Offline = False, json: Json = False
) -> int:
    """Show how far each job is at its provider and on this machine.

    Examples:
      backhaul status hpt.yaml
      backhaul status *.yaml --offline --json
    """
    said: dict[_Key, dict[str, Any]] = {}
    refusals: dict[_Key, dict[str, Any]] = {}
    if offline:
        loaded, code = load_outline(configs), ExitCode.OK
    else:
        loaded, said, refusals, code = _ask(configs, job)
    now = datetime.now(UTC)
    entries = [
        {
            "job": known.name,
            "source": known.source,
            "provider": known.provider,
            "at_provider": said.get(_key(known)) or _last_said(known),
            "refused": None
            if _key(known) in said
            else refusals.get(_key(known)) or _last_refused(known),
            "doubt": known.row.doubt if known.row is not None else "",
            "here": _here(known),
        }
        for known in known_jobs(loaded, job or ())
    ]
    if json:
        output.as_json({"exit_code": int(code), "jobs": entries})
        return code
    for refusal in refusals.values():
        refusal["message"] = ""  # it is on stderr
    if output.is_terminal(output.Stdout.stream()) and entries:
        _draw(entries, now)
    else:
        for entry in entries:
            _show(entry, now)
    return code


def _draw(entries: list[dict[str, Any]], now: datetime) -> None:
    """A table with a bar a job; what does not fit a column stands below it."""
    lines = [
        JobLine(
            name=each["job"],
            there=_there(each),
            counts={word: each["here"][word] for word in _STATES if each["here"][word]},
            said=(each["at_provider"] or {}).get("files"),
            records=each["here"]["records"],
            expires=_expires(each["at_provider"], now),
            notes=tuple(_notes(each)),
        )
        for each in entries
    ]
    for line in status_table(lines, look=Look.of(output.Stdout.stream())):
        output.line(line)


def _there(entry: dict[str, Any]) -> str:
    said = entry["at_provider"]
    if said is None:
        return "not contacted yet" if entry["refused"] is None else "refused"
    percent = f" {said['percent']:.0f} %" if said["percent"] is not None else ""
    return f"{said['state']}{percent}"


def _expires(said: dict[str, Any] | None, now: datetime) -> str:
    if said is None or said["expires_at"] is None:
        return ""
    return until(datetime.fromisoformat(said["expires_at"]), now)


def _notes(entry: dict[str, Any]) -> Iterator[str]:
    said = entry["at_provider"]
    if said is not None and said["message"]:
        yield output.words(said["message"])
    if entry["refused"] is not None:
        yield _refused(entry["refused"])
    yield from _warnings(entry)


def _warnings(entry: dict[str, Any]) -> Iterator[str]:
    said = entry["at_provider"]
    if said is not None:
        yield from map(output.words, said["warnings"])
    if entry["doubt"]:
        yield output.words(doubtful(entry["doubt"]))
    if entry["here"]["lost"]:
        yield told(entry["here"]["lost"])


def _refused(refusal: dict[str, Any]) -> str:
    at = datetime.fromisoformat(refusal["at"])
    return output.words(refused(refusal["kind"], refusal["message"], at))


def _ask(
    paths: Sequence[Path], only: list[str] | None
) -> tuple[list[Config], dict[_Key, dict[str, Any]], dict[_Key, dict[str, Any]], ExitCode]:
    loaded, plugins = load_configs(paths)
    http_for = partial(make_http, run_wide(loaded))

    def ask(spec: Any, stop: Any) -> JobStatus:
        if spec.plugin_error is not None:
            raise spec.plugin_error
        provider = plugins.load(spec.provider)
        with http_for(provider, stop) as http:
            return provider.get_status(http, spec.source_options, spec.job_options)

    said: dict[_Key, dict[str, Any]] = {}
    refusals: dict[_Key, dict[str, Any]] = {}
    codes = []
    for spec, found in ask_each(task_specs(loaded, only=only or ()), ask):
        if isinstance(found, BackhaulError):
            complain(f"{spec.name}: source {spec.source}: {found.message}")
            codes.append(found.exit_code)
            if spec.plugin_error is None:
                refusals[_key(spec)] = _refusal(datetime.now(UTC), found.kind.value, found.message)
        else:
            said[_key(spec)] = _said(found)
    return loaded, said, refusals, worst(codes)


def _key(job: KnownJob | TaskSpec) -> _Key:
    return job.dest, job.name


def _refusal(at: datetime | None, kind: str, message: str) -> dict[str, Any]:
    at = at.replace(microsecond=0) if at is not None else None
    return {"at": iso(at), "kind": kind, "message": message}


def _last_refused(known: KnownJob) -> dict[str, Any] | None:
    row = known.row
    if row is None or row.refused is None:
        return None
    return _refusal(moment(row.refused), *row.refused_with())


def _said(found: JobStatus) -> dict[str, Any]:
    totals = found.totals
    return {
        "state": found.state.value,
        "percent": found.percent,
        "message": found.message,
        "expires_at": iso(found.expires),
        "files": totals.files if totals else None,
        "records": totals.records if totals else None,
        "bytes": totals.bytes if totals else None,
        "warnings": list(found.warnings),
        "asked_at": iso(datetime.now(UTC).replace(microsecond=0)),
        "ready_in": found.retry_after,
    }


def _last_said(known: KnownJob) -> dict[str, Any] | None:
    row = known.row
    if row is None or row.asked is None:
        return None
    return {
        "state": row.state,
        "percent": row.percent,
        "message": row.message,
        "expires_at": iso(moment(row.expires)),
        "files": row.total_files,
        "records": row.total_records,
        "bytes": row.total_bytes,
        "warnings": list(row.warning_texts()),
        "asked_at": iso(moment(row.asked)),
        "ready_in": None,
    }


def _here(known: KnownJob) -> dict[str, Any]:
    row = known.row
    summary = known.ledger.inventory.summary(row.id) if row is not None else None
    states = summary.data if summary is not None else {}
    return {
        "listed": sum(states.values()),
        **{state.value: states.get(state, 0) for state in SlotState if state != SlotState.SILENT},
        "unknown": count_silence(known.ledger, row).unknown if row and row.doubt else 0,
        "records": summary.all_records if summary is not None else 0,
        "folder": str(known.dest / known.name),
    }


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

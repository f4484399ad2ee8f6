"""``backhaul files``: each file with its state; offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul.archive.coverage import on_disk_state
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.cli.configs import load_outline
from backhaul.errors import ConfigError, ExitCode
from backhaul.ledger.rows import FileRow, moment
from backhaul.types import Proof, SlotState
from backhaul.wording import count, human, iso

States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only files in this state, e.g. failed; may be repeated.",
    ),
]


@command
def files(
    configs: Configs, *, job: JobNames = None, state: States = None, json: Json = False
) -> int:
    """List the known files and their states, from the ledger and the disk.

    Examples:
      backhaul files hpt.yaml --state failed --state missing
      backhaul files hpt.yaml --job worldcup --json
    """
    wanted = _states(state)
    if json:
        output.stream_json("jobs", _entries(configs, job, wanted))
        return ExitCode.OK
    for head, _, found in _entries(configs, job, wanted):
        number = 0
        for number, each in enumerate(found, start=1):  # noqa: B007 - counted for the line below
            output.line(f"{head['job']}/{_line(each)}")
        if not number:
            output.line(f"{head['job']}: no files{' in that state' if wanted else ''}")
    return ExitCode.OK


def _states(given: list[str] | None) -> frozenset[str]:
    known = [str(state) for state in SlotState if state is not SlotState.SILENT]
    for word in given or ():
        if word not in known:
            raise ConfigError(f"--state {word}: no such state; there are: {', '.join(known)}")
    return frozenset(given or ())


def _entries(
    configs: list[Path], only: list[str] | None, wanted: frozenset[str]
) -> Iterator[tuple[dict[str, Any], str, Iterator[dict[str, Any]]]]:
    for known in known_jobs(load_outline(configs), only or ()):
        head = {"job": known.name, "folder": str(known.dest / known.name)}
        yield head, "files", _files(known, wanted)


def _files(known: KnownJob, wanted: frozenset[str]) -> Iterator[dict[str, Any]]:
    if known.row is None:
        return
    size_of = known.folder.size if known.folder is not None else lambda _: None
    for row in known.ledger.inventory.files(known.row.id):
        state, reason = on_disk_state(row, size_of)
        if not wanted or state in wanted:
            yield _as_json(row, state, reason)


def _as_json(row: FileRow, state: str, reason: str) -> dict[str, Any]:
    return {
        "file": row.name,
        "state": str(state),
        "start": iso(moment(row.start)),
        "end": iso(moment(row.end)),
        "size": row.size,
        "records": row.records,
        "sha256": row.sha256,
        "proof": Proof(0 if row.size is None else row.proof or 0).words(),
        "kind": row.kind,
        "message": reason or row.message or "",
    }


def _line(each: dict[str, Any]) -> str:
    size = f"  {human(each['size'])}" if each["size"] is not None else ""
    records = f"  {count(each['records'], 'record')}" if each["records"] is not None else ""
    proof = f"  by {', '.join(each['proof'])}" if each["proof"] else _unproven(each)
    kind = f"{each['kind']}: " if each["kind"] else ""
    message = f"  {kind}{output.words(each['message'])}" if each["message"] else ""
    return f"{each['file']}  {each['state']}{size}{records}{proof}{message}"


def _unproven(each: dict[str, Any]) -> str:
    return "  without proof" if each["state"] in {"verified", "suspect"} else ""

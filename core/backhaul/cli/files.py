"""``backhaul files``: each file with its state; offline."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

import backhaul
from backhaul.cli import completing, library, output
from backhaul.cli.common import Configs, Csv, JobNames, Json, command
from backhaul.cli.csv_lines import write_csv
from backhaul.cli.selecting import selecting
from backhaul.errors import ConfigError, ExitCode
from backhaul.wording import count, human

if TYPE_CHECKING:
    from backhaul.archive.jobs import KnownJob
    from backhaul.selection import Selection
    from backhaul.types import SlotState

States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        autocompletion=completing.states,
        help="Only files in this state, e.g. failed; may be repeated.",
    ),
]


_COLUMNS = (
    "job", "file", "state", "start", "end", "size", "records", "sha256", "proof", "kind", "message",
)  # fmt: skip


@command
@selecting
def files(
    configs: Configs,
    *,
    job: JobNames = None,
    state: States = None,
    selection: "Selection",
    json: Json = False,
    csv: Csv = False,
) -> int:
    """List the known files and their states, from the ledger and the disk.

    Examples:
      backhaul files hpt.yaml --state failed --state missing
      backhaul files hpt.yaml --job worldcup --json
    """
    wanted = _states(state)
    jobs = library.known_jobs(library.load_outline(configs), job or ())
    if csv:
        found = (library.known_files(known, wanted, selection) for known in jobs)
        write_csv(
            _COLUMNS, ({"job": each.job, **each.as_json()} for of_job in found for each in of_job)
        )
        return ExitCode.OK
    if json:
        output.stream_json("jobs", (_as_json(known, wanted, selection) for known in jobs))
        return ExitCode.OK
    for known in jobs:
        number = 0
        for number, each in enumerate(library.known_files(known, wanted, selection), start=1):  # noqa: B007 - counted for the line below
            output.line(f"{each.job}/{_line(each.as_json())}")
        if not number:
            output.line(
                f"{known.name}: no files{' selected' if wanted or not selection.is_all else ''}"
            )
    return ExitCode.OK


def _states(given: list[str] | None) -> "frozenset[SlotState]":
    known = [str(state) for state in backhaul.SlotState if state is not backhaul.SlotState.SILENT]
    for word in given or ():
        if word not in known:
            raise ConfigError(f"--state {word}: no such state; there are: {', '.join(known)}")
    return frozenset(map(backhaul.SlotState, given or ()))


def _as_json(
    known: "KnownJob", wanted: "frozenset[SlotState]", selection: "Selection"
) -> tuple[dict[str, Any], str, Iterator[dict[str, Any]]]:
    head = {"job": known.name, "folder": library.url_of(known.dest, known.name)}
    return head, "files", (each.as_json() for each in library.known_files(known, wanted, selection))


def _line(each: dict[str, Any]) -> str:
    size = f"  {human(each['size'])}" if each["size"] is not None else ""
    records = f"  {count(each['records'], 'record')}" if each["records"] is not None else ""
    proof = f"  by {', '.join(each['proof'])}" if each["proof"] else _unproven(each)
    kind = f"{each['kind']}: " if each["kind"] else ""
    message = f"  {kind}{output.words(each['message'])}" if each["message"] else ""
    return f"{each['file']}  {each['state']}{size}{records}{proof}{message}"


def _unproven(each: dict[str, Any]) -> str:
    return "  without proof" if each["state"] in {"verified", "suspect"} else ""

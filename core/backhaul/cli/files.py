"""``backhaul files``: each file with its state; offline."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from json import dumps
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Annotated, Any

import typer

import backhaul
from backhaul.cli import completing, library, output
from backhaul.cli.common import Configs, Csv, JobNames, Json, command
from backhaul.cli.csv_lines import cell, write_cells
from backhaul.cli.selecting import selecting
from backhaul.errors import ConfigError, ExitCode
from backhaul.redact import redact
from backhaul.types import HERE
from backhaul.wording import count, human, iso

if TYPE_CHECKING:
    from datetime import datetime

    from backhaul.archive.jobs import KnownJob
    from backhaul.archive.known_files import KnownFile
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
    """List the known files and their states.

    Reads the ledger and the disk; contacts no provider.

    Examples:
      backhaul files hpt.yaml --state failed --state missing
      backhaul files hpt.yaml --job worldcup --json
    """
    wanted = _states(state)
    jobs = library.known_jobs(library.load_outline(configs), job or ())
    if csv:
        of_jobs = (library.known_files(known, wanted, selection) for known in jobs)
        write_cells(_COLUMNS, map(_cells, chain.from_iterable(of_jobs)))
        return ExitCode.OK
    if json:
        output.stream_json("jobs", (_as_json(known, wanted, selection) for known in jobs))
        return ExitCode.OK
    for known in jobs:
        found = library.known_files(known, wanted, selection)
        first = next(found, None)
        if first is None:
            which = " selected" if wanted or not selection.is_all else ""
            output.line(f"{known.name}: no files{which}")
        else:
            output.each_line(map(_line, chain((first,), found)))
    return ExitCode.OK


def _states(given: list[str] | None) -> "frozenset[SlotState]":
    known = [str(state) for state in backhaul.SlotState if state is not backhaul.SlotState.SILENT]
    for word in given or ():
        if word not in known:
            raise ConfigError(f"--state {word}: no such state; known states: {', '.join(known)}")
    return frozenset(map(backhaul.SlotState, given or ()))


def _as_json(
    known: "KnownJob", wanted: "frozenset[SlotState]", selection: "Selection"
) -> tuple[dict[str, Any], str, Iterator[output.Written]]:
    head = {"job": known.name, "folder": library.url_of(known.dest, known.name)}
    return head, "files", map(_written, library.known_files(known, wanted, selection))


def _cells(each: "KnownFile") -> list[str]:
    return [
        cell(each.job),
        cell(each.file),
        cell(each.state),
        iso(each.start) or "",
        iso(each.end) or "",
        "" if each.size is None else str(each.size),
        "" if each.records is None else str(each.records),
        each.sha256 or "",
        cell(each.proof),
        cell(each.kind),
        cell(each.message),
    ]


def _written(each: "KnownFile") -> output.Written:
    """A file as JSON; fast, since there may be millions of them."""
    return output.Written(
        f'{{"file": {encode_basestring(each.file)}, "state": "{each.state}",'
        f' "start": {_time(each.start)}, "end": {_time(each.end)}, "size": {_number(each.size)},'
        f' "records": {_number(each.records)}, "sha256": {_text(each.sha256)},'
        f' "proof": {_list(each.proof)}, "kind": {_text(each.kind)}, "message": {_message(each.message)}}}'
    )


def _time(time: "datetime | None") -> str:
    return "null" if time is None else f'"{iso(time)}"'


def _number(number: int | None) -> str:
    return "null" if number is None else str(number)


def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)


@lru_cache
def _list(proof: tuple[str, ...]) -> str:
    return dumps(proof)


@lru_cache
def _message(message: str) -> str:
    return encode_basestring(redact(message))


def _line(each: "KnownFile") -> str:
    size = f"  {human(each.size)}" if each.size is not None else ""
    records = f"  {count(each.records, 'record')}" if each.records is not None else ""
    proof = f"  by {', '.join(each.proof)}" if each.proof else _unproven(each)
    kind = f"{each.kind}: " if each.kind else ""
    message = f"  {kind}{output.recurring(each.message)}" if each.message else ""
    return f"{each.job}/{each.file}  {each.state}{size}{records}{proof}{message}"


def _unproven(each: "KnownFile") -> str:
    return "  without proof" if each.state in HERE else ""

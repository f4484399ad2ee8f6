"""``backhaul verify``: reads every file again; offline."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

import backhaul
from backhaul.cli import output
from backhaul.cli.common import Configs, Csv, JobNames, Json, command
from backhaul.cli.complaints import log
from backhaul.cli.csv_lines import write_csv
from backhaul.cli.selecting import selecting
from backhaul.errors import ExitCode
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul import Checked, Verification
    from backhaul.selection import Selection

Rebuild = Annotated[
    bool,
    typer.Option(
        "--rebuild",
        help="Rebuild a damaged or missing ledger from its readable rows and the files on disk; a damaged ledger is kept next to it.",
    ),
]


_COLUMNS = ("job", "file", "kind", "message")
Deep = Annotated[
    bool,
    typer.Option(
        "--deep",
        help="Read the files of an object store too. Without it, their sizes and ETags are compared with those at upload.",
    ),
]


@command
@selecting
def verify(
    configs: Configs,
    *,
    job: JobNames = None,
    rebuild: Rebuild = False,
    deep: Deep = False,
    selection: "Selection",
    json: Json = False,
    csv: Csv = False,
) -> int:
    """Read every file again and compare it with the ledger.

    Damaged files are marked in the ledger, and the next run fetches them again. Contacts no provider.

    Examples:
      backhaul verify hpt.yaml
      backhaul verify hpt.yaml --rebuild
    """
    archive = backhaul.load(*configs, offline=True)
    if rebuild:
        archive.rebuild(deep=deep)
    show = None if json or csv else partial(_show, filtered=not selection.is_all)
    result = archive.verify(job or (), selection=selection, deep=deep, on_job=show)
    if csv:
        write_csv(_COLUMNS, _rows(result))
    elif json:
        output.as_json(result.as_json())
    elif result.exit_code is ExitCode.VERIFICATION:
        log.warning(
            "run `backhaul run %s` to fetch the damaged files again", " ".join(map(str, configs))
        )
    return result.exit_code


def _rows(result: "Verification") -> Iterator[dict[str, Any]]:
    for job in result.as_json()["jobs"]:
        for problem in job["problems"]:
            yield {"job": job["job"], **problem}


def _show(checked: "Checked", *, filtered: bool) -> None:
    name = output.colour(checked.job, "bold")
    if not checked.checked and not checked.problems:
        nothing = (
            "none of the files selected is downloaded" if filtered else "nothing downloaded yet"
        )
        output.line(f"{name}: {nothing}")
        return
    end = (
        output.colour(count(len(checked.problems), "problem"), "bad")
        if checked.problems
        else output.colour("all intact", "good")
    )
    how = f"{count(checked.checked - checked.compared, 'file')} read"
    if checked.compared:
        how = f"{count(checked.compared, 'file')} compared with the store's list" + (
            f", {how}" if checked.checked > checked.compared else ""
        )
    output.line(f"{name}: {how}, {end}")
    for each in checked.problems:
        output.line(
            f"  {output.words(each.file or '')}: {each.kind.value}: {output.words(each.message)}"
        )

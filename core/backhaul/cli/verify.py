"""``backhaul verify``: reads what is on disk again; offline."""

from collections.abc import Iterator
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
        help="Rebuild a damaged or missing ledger from its readable rows and the files on disk; a damaged ledger is kept beside it.",
    ),
]


_COLUMNS = ("job", "file", "kind", "message")


@command
@selecting
def verify(
    configs: Configs,
    *,
    job: JobNames = None,
    rebuild: Rebuild = False,
    selection: "Selection",
    json: Json = False,
    csv: Csv = False,
) -> int:
    """Read every file on disk again and compare it with the ledger; makes no requests.

    Damaged files are marked in the ledger, so that the next run fetches them again.

    Examples:
      backhaul verify hpt.yaml
      backhaul verify hpt.yaml --rebuild
    """
    archive = backhaul.load(*configs, offline=True)
    if rebuild:
        archive.rebuild()
    result = archive.verify(job or (), selection=selection, on_job=None if json or csv else _show)
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


def _show(checked: "Checked") -> None:
    name = output.colour(checked.job, "bold")
    if not checked.checked and not checked.problems:
        output.line(f"{name}: nothing downloaded yet")
        return
    end = (
        output.colour(count(len(checked.problems), "problem"), "bad")
        if checked.problems
        else output.colour("all intact", "good")
    )
    output.line(f"{name}: {count(checked.checked, 'file')} read, {end}")
    for each in checked.problems:
        output.line(
            f"  {output.words(each.file or '')}: {each.kind.value}: {output.words(each.message)}"
        )

"""``backhaul verify``: reads what is on disk again; offline."""

from typing import Annotated, Any

import typer

from backhaul.archive.rebuild import rebuild as rebuild_ledger
from backhaul.archive.verify import Checked, check_jobs
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.cli.complaints import log
from backhaul.cli.configs import load_configs, one_a_folder
from backhaul.errors import ExitCode, worst
from backhaul.wording import count

Rebuild = Annotated[
    bool,
    typer.Option(
        "--rebuild",
        help="Rebuild a damaged or missing ledger from its readable rows and the files on disk; a damaged ledger is kept beside it.",
    ),
]


@command
def verify(
    configs: Configs, *, job: JobNames = None, rebuild: Rebuild = False, json: Json = False
) -> int:
    """Read every file on disk again and compare it with the ledger; makes no requests.

    Damaged files are marked in the ledger, so that the next run fetches them again.

    Examples:
      backhaul verify hpt.yaml
      backhaul verify hpt.yaml --rebuild
    """
    loaded, plugins = load_configs(configs, offline=True)
    if rebuild:
        for each in one_a_folder(loaded):
            rebuild_ledger(each, plugins)
    results = []
    for checked in check_jobs(loaded, plugins, only=job or ()):
        results.append(checked)
        if not json:
            _show(checked)
    code = worst([checked.exit_code for checked in results])
    if json:
        jobs: list[dict[str, Any]] = [checked.as_json() for checked in results]
        output.as_json({"exit_code": int(code), "jobs": jobs})
    elif code is ExitCode.VERIFICATION:
        log.warning(
            "run `backhaul run %s` to fetch the damaged files again", " ".join(map(str, configs))
        )
    return code


def _show(checked: Checked) -> None:
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
        output.line(f"  {output.words(each.file)}: {each.kind.value}: {output.words(each.message)}")

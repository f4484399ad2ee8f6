"""``backhaul report``: one page that shows every job; offline."""

from pathlib import Path
from typing import Annotated, Final

import typer

from backhaul import ConfigError, ExitCode
from backhaul.commands import (
    Configs,
    JobNames,
    KnownJob,
    command,
    kept_bodies,
    known_jobs,
    load_outline,
    opening,
    output,
    rejected_folder,
    write_file,
)
from backhaul_report import links
from backhaul_report.data import PageData
from backhaul_report.job import JobReport, read_job
from backhaul_report.page import GENERATOR, render
from backhaul_report.rejects import Rejects
from backhaul_rollup import provided_by

_FEW: Final = 2

_Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the report to FILE; an older report is replaced.",
    ),
]
_Force = Annotated[bool, typer.Option("--force", help="Overwrite FILE even if it is not a report.")]


@command
def report(
    configs: Configs,
    *,
    out: _Output = Path("report.html"),
    job: JobNames = None,
    force: _Force = False,
) -> int:
    """Write an HTML report of what is present, what is missing and why.

    The report is a single file that works offline.

    Examples:
      backhaul report hpt.yaml
      backhaul report *.yaml -o archive.html
    """
    if not force and not _replaceable(out):
        raise ConfigError(f"{out} exists and is not a report; --force overwrites it")
    few = len(configs) <= _FEW
    title = ", ".join(path.stem for path in configs) if few else f"{len(configs)} configurations"
    with PageData() as data:
        jobs = known_jobs(load_outline(configs), job or ())
        found = [_read(known, out, data) for known in jobs]
        write_file(out, render(found, data, title=title), force=True)
    output.line(str(out))
    return ExitCode.OK


def _read(known: KnownJob, out: Path, data: PageData) -> JobReport:
    workspace = known.dest.workspace
    kept = links.to_folder(out, rejected_folder(workspace, known.name))
    return read_job(
        known,
        data=data,
        place="" if known.folder is None else links.to_job(out, known.dest, known.name),
        rejects=Rejects.of(kept_bodies(workspace, known.name), place=kept),
        provided=provided_by(known.provider),
    )


def _replaceable(path: Path) -> bool:
    try:
        fd = opening.open_to_read(path)
    except FileNotFoundError:
        return True
    except opening.InTheWayError:
        return False
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
        return f'content="{GENERATOR}"'.encode() in file.read(1000)

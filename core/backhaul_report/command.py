"""``backhaul report``: one page that shows every job; offline."""

from pathlib import Path
from typing import Annotated, Final

import typer

from backhaul import ConfigError, ExitCode
from backhaul.commands import (
    Configs,
    InTheWayError,
    JobNames,
    KnownJob,
    command,
    known_jobs,
    load_outline,
    open_to_read,
    output,
    write_file,
)
from backhaul_report.job import JobReport, read_job
from backhaul_report.page import GENERATOR, render
from backhaul_rollup import provided_by

_FEW: Final = 2

_Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write the page; an older report is replaced.",
    ),
]
_Force = Annotated[bool, typer.Option("--force", help="Replace the file whatever it is.")]


@command
def report(
    configs: Configs,
    *,
    out: _Output = Path("report.html"),
    job: JobNames = None,
    force: _Force = False,
) -> int:
    """Write an HTML page: what is here, what is not, and why.

    The page is one file that needs no network.

    Examples:
      backhaul report hpt.yaml
      backhaul report *.yaml -o archive.html
    """
    if not force and not _replaceable(out):
        raise ConfigError(f"{out} exists and is no report; --force replaces it")
    found = [_read(known) for known in known_jobs(load_outline(configs), job or ())]
    few = len(configs) <= _FEW
    title = ", ".join(path.stem for path in configs) if few else f"{len(configs)} configurations"
    write_file(out, render(found, title=title), force=True)
    output.line(str(out))
    return ExitCode.OK


def _read(known: KnownJob) -> JobReport:
    return read_job(
        name=known.name,
        source=known.source,
        provider=known.provider,
        row=known.row,
        ledger=known.ledger,
        folder=known.folder,
        provided=provided_by(known.provider),
    )


def _replaceable(path: Path) -> bool:
    try:
        fd = open_to_read(path)
    except FileNotFoundError:
        return True
    except InTheWayError:
        return False
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
        return f'content="{GENERATOR}"'.encode() in file.read(1000)

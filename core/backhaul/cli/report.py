"""``backhaul report``: one page that shows every job; offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, command
from backhaul.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from backhaul.cli.offline import KnownJob
    from backhaul.report.job import JobReport

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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(command(report))


def report(
    configs: Configs,
    *,
    out: _Output = Path("report.html"),
    job: JobNames = None,
    force: _Force = False,
) -> int:
    """Write one self-contained HTML page: what is here, what is not, and why."""
    from backhaul.cli.configs import load_outline  # noqa: PLC0415 - pydantic
    from backhaul.cli.offline import known_jobs  # noqa: PLC0415 - sqlite
    from backhaul.cli.writing import write_file  # noqa: PLC0415 - only here
    from backhaul.report.page import render  # noqa: PLC0415 - only here

    if not force and not _replaceable(out):
        raise ConfigError(f"{out} exists and is no report; --force replaces it")
    found = [_read(known) for known in known_jobs(load_outline(configs), job or ())]
    few = len(configs) <= _FEW
    title = ", ".join(path.stem for path in configs) if few else f"{len(configs)} configurations"
    write_file(out, render(found, title=title), force=True)
    output.line(str(out))
    return ExitCode.OK


def _read(known: "KnownJob") -> "JobReport":
    from backhaul.report.job import read_job  # noqa: PLC0415 - sqlite

    return read_job(
        name=known.name,
        source=known.source,
        provider=known.provider,
        row=known.row,
        ledger=known.ledger,
        folder=known.folder,
    )


def _replaceable(path: Path) -> bool:
    from backhaul.report.page import GENERATOR  # noqa: PLC0415 - only here

    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'content="{GENERATOR}"'.encode() in file.read(1000)

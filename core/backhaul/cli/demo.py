"""``backhaul demo``: runs against emulated providers, twice."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import output
from backhaul.cli.common import command
from backhaul.cli.complaints import Verbosity
from backhaul.cli.emulate import serving, yaml_for
from backhaul.cli.interrupts import interruptible
from backhaul.cli.progress import watching
from backhaul.cli.summary import summary
from backhaul.cli.writing import write_file
from backhaul.errors import DiskError, ExitCode, worst
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul import RunResult
    from backhaul.testing import Emulator  # needs werkzeug, an extra

Dest = Annotated[
    Path | None,
    typer.Option(
        "--dest", metavar="FOLDER", help="Working folder; default: a new temporary folder."
    ),
]


@command
def demo(*, dest: Dest = None) -> int:
    """Fetch the archives of emulated providers, to show how it works.

    Examples:
      backhaul demo
      backhaul demo --dest /tmp/demo
    """
    with serving((), port=0) as up:
        folder = _folder(dest)
        files = [_write_yaml(folder, one) for one in up]
        _step(f"{len(up)} emulated providers, with a YAML file for each:")
        for one, file in zip(up, files, strict=True):
            output.line(f"  {file}  ({one.provider} at {one.url})")
        first = _run(files, "backhaul run " + str(folder / "*.yaml"))
        before = [_file_requests(one) for one in up]
        second = _run(files, "A second run downloads nothing again.", short=True)
        after = [_file_requests(one) for one in up]
    asked = sum(after) - sum(before)
    output.line(
        f"  The first run made {count(sum(before), 'file request')}; the second made {asked}"
        + (", for missing files that may still appear." if asked else ".")
    )
    _step(f"The files are in {folder / 'archive'}")
    output.line("Try these commands; they make no requests:")
    telling = max(first.jobs, key=lambda job: job.files.silent + job.files.missing)
    for word in ("gaps", "files", "status --offline", "verify"):
        output.line(f"  backhaul {word} {folder / telling.provider}.yaml")
    output.line("Then start with your own data: backhaul init PROVIDER")
    return worst([first.exit_code, second.exit_code, _nothing_twice(second)])


def _folder(dest: Path | None) -> Path:
    try:
        if dest is None:
            return Path(tempfile.mkdtemp(prefix="backhaul-demo-"))
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{dest or tempfile.gettempdir()}: {error.strerror or error}") from None
    return dest


def _write_yaml(folder: Path, one: "Emulator") -> Path:
    path = folder / f"{one.provider}.yaml"
    write_file(path, yaml_for([one]), force=True)
    return path


def _run(files: Sequence[Path], title: str, *, short: bool = False) -> "RunResult":
    _step(title)
    archive = backhaul.load(*files)
    with watching(quiet=Verbosity.level < 0) as listener, interruptible(archive.stop):
        result = archive.run(on_event=listener)
    lines = list(summary(result, "CONFIG"))
    for line in lines[-1:] if short and result.exit_code is ExitCode.OK else lines:
        output.line(line if not short else f"  {line}")
    return result


def _nothing_twice(second: "RunResult") -> ExitCode:
    """Check that the second run fetched nothing."""
    fetched = sum(job.files.fetched for job in second.jobs)
    return ExitCode.UNEXPECTED if fetched else ExitCode.OK


def _file_requests(one: "Emulator") -> int:
    return sum(
        1
        for entry in list(one.requests)
        if entry.port == one.files_at
        and (one.files_at == "storage" or one.is_file(entry.path, entry.query))
    )


def _step(title: str) -> None:
    output.line()
    output.line(output.colour(title, "bold"))

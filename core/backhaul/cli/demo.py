"""``backhaul demo``: runs against emulated providers, twice."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import library, output
from backhaul.cli.common import StoreKeys, command, store_keys
from backhaul.cli.complaints import Verbosity
from backhaul.cli.emulate import serving, yaml_for
from backhaul.cli.events import option, written
from backhaul.cli.interrupts import interruptible
from backhaul.cli.progress import watching
from backhaul.cli.summary import summary
from backhaul.cli.writing import write_file
from backhaul.errors import ConfigError, DiskError, ExitCode, worst
from backhaul.storage.location import is_store, parse
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul import RunResult
    from backhaul.notify.event_log import EventLog
    from backhaul.testing import Emulator  # needs werkzeug, an extra

Dest = Annotated[
    str | None,
    typer.Option(
        "--dest",
        metavar="DEST",
        help="Folder, or URL of an object store, e.g. s3://bucket/demo; default: a new temporary folder.",
    ),
]


Events = Annotated[str | None, option("the text")]


@command
def demo(*, dest: Dest = None, store: StoreKeys = None, events: Events = None) -> int:
    """Fetch from emulated providers, to show how backhaul works.

    Examples:
      backhaul demo
      backhaul demo --dest /tmp/demo --events events.jsonl
      backhaul demo --dest s3://bucket/demo --store endpoint=http://127.0.0.1:9000
    """
    place = _place(dest)
    remote = place is not None and is_store(place)
    keys = {"store": store_keys(store)} if store else {}
    settings = {"dest": place, **keys} if remote else {}
    say = output.line if events != "-" else _print_nothing
    with written(events) as log, serving((), port=0) as up:
        folder = _folder(None if place is None or remote else Path(place))
        files = [_write_yaml(folder, one, settings) for one in up]
        _step(say, f"{len(up)} emulated providers, with a YAML file for each:")
        for one, file in zip(up, files, strict=True):
            say(f"  {file}  ({one.provider} at {one.url})")
        _step(say, "backhaul run " + str(folder / "*.yaml"))
        first = _run(files, log)
        for line in summary(first, "CONFIG"):
            say(line)
        before = [_file_requests(one) for one in up]
        _step(say, "The second run downloads nothing again.")
        second = _run(files, log)
        lines = list(summary(second, "CONFIG"))
        for line in lines[-1:] if second.exit_code is ExitCode.OK else lines:
            say(f"  {line}")
        after = [_file_requests(one) for one in up]
    asked = sum(after) - sum(before)
    say(
        f"  The first run made {count(sum(before), 'file request')}; the second made {asked}"
        + (", for missing files that may still appear." if asked else ".")
    )
    _step(say, f"The files are in {place if remote else folder / 'archive'}")
    say("Try these commands; they make no requests:")
    telling = max(first.jobs, key=lambda job: job.files.silent + job.files.missing)
    for word in ("gaps", "files", "status --offline", "verify"):
        say(f"  backhaul {word} {folder / telling.provider}.yaml")
    say("Then start with your own data: backhaul init PROVIDER")
    return worst([first.exit_code, second.exit_code, _check_second_run(second)])


def _print_nothing(_: str = "") -> None:
    """Replaces ``output.line`` while the events go to stdout."""


def _place(dest: str | None) -> str | None:
    try:
        return None if dest is None else parse(dest)
    except ValueError as error:
        raise ConfigError(f"--dest {error}") from None


def _folder(dest: Path | None) -> Path:
    try:
        if dest is None:
            return Path(tempfile.mkdtemp(prefix="backhaul-demo-"))
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{dest or tempfile.gettempdir()}: {error.strerror or error}") from None
    return dest


def _write_yaml(folder: Path, one: "Emulator", settings: Mapping[str, object]) -> Path:
    path = folder / f"{one.provider}.yaml"
    write_file(path, yaml_for([one], **settings), force=True)
    return path


def _run(files: Sequence[Path], log: "EventLog | None") -> "RunResult":
    archive = backhaul.load(*files)
    with watching(quiet=Verbosity.level < 0) as listener, interruptible(archive.stop):
        result = archive.run(on_event=library.both(listener, log))
    if log is not None:
        log.ended(result)
    return result


def _check_second_run(second: "RunResult") -> ExitCode:
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


def _step(say: Callable[[str], None], title: str) -> None:
    say("")
    say(output.colour(title, "bold"))

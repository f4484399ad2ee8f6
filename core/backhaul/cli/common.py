"""Common to all commands: options, logging and error reporting."""

import inspect
import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul import defaults
from backhaul.cli import completing, output
from backhaul.cli.complaints import Verbosity, complain, failed, print_error, unforeseen, unwritable
from backhaul.cli.interrupts import interruptible
from backhaul.errors import BackhaulError, ConfigError, ExitCode
from backhaul.log import setup

log = logging.getLogger("backhaul")
StoreKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--store",
        metavar="KEY=VALUE",
        help="Option of the object store, as in settings.store: endpoint=URL, region=NAME; may be repeated.",
    ),
]


class LogFormat(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


class Color(StrEnum):
    """When to write in colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


Configs = Annotated[
    list[Path],
    typer.Argument(
        metavar="CONFIG",
        default_factory=lambda: [Path(defaults.CONFIG)],
        show_default=False,
        help=f"YAML files; default: {defaults.CONFIG} in the current folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Csv = Annotated[
    bool, typer.Option("--csv", help="Print the result as CSV, with the keys of --json as columns.")
]
JobNames = Annotated[
    list[str] | None,
    typer.Option(
        "--job",
        metavar="NAME",
        help="Only this job; may be repeated.",
        autocompletion=completing.jobs,
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Do not contact providers; show the last known state.")
]

LimitRate = Annotated[
    str | None, typer.Option(metavar="RATE", help="Maximum download rate, e.g. 20M.")
]

_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors only; print nothing on success.")
]
_Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Log retries, renewed links and failed files; -vv for debugging.",
    ),
]
_Color = Annotated[
    Color,
    typer.Option(
        "--color", help="When to use colour; auto: on a terminal, unless NO_COLOR is set."
    ),
]
_Format = Annotated[LogFormat, typer.Option("--log-format", help="Format of the log.")]
_File = Annotated[
    Path | None, typer.Option("--log-file", metavar="FILE", help="Also write the log to FILE.")
]
_COMMON: dict[str, tuple[Any, Any]] = {
    "quiet": (_Quiet, False),
    "verbose": (_Verbose, 0),
    "color": (_Color, Color.AUTO),
    "log_format": (_Format, LogFormat.TEXT),
    "log_file": (_File, None),
}
_commands: list[object] = []


def application(**settings: Any) -> typer.Typer:
    """A Typer whose help is plain text: rich would cost each ``--help`` 70 ms."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, **settings)


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Makes a command, with the common options, of a function that returns an exit code; it never raises.

    Errors of users and servers are short messages; -vv shows tracebacks.
    """
    signature = inspect.signature(function)

    def wrapper(**given: Any) -> None:
        common = {name: given.pop(name) for name in _COMMON}
        json = bool(given.get("json"))
        raise typer.Exit(int(_run(lambda: _called(function, given), json=json, **common)))

    parameters = [
        *signature.parameters.values(),
        *(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
            )
            for name, (annotation, default) in _COMMON.items()
        ),
    ]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # what inspect reads
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    # Click would join the lines of a paragraph that does not begin with a backspace.
    wrapper.__doc__ = (inspect.getdoc(function) or "").replace("Examples:", "\b\nExamples:")
    wrapper.__name__ = function.__name__
    _commands.append(wrapper)
    return wrapper


def _called(function: Callable[..., int], given: dict[str, Any]) -> int:
    if given.get("json") and given.get("csv"):
        raise ConfigError("--json and --csv cannot be combined")
    return function(**given)


def _held_back(body: Callable[[], int], *, quiet: bool) -> int:
    output.HeldBack.start(quiet=quiet)
    code = int(ExitCode.UNEXPECTED)
    try:
        code = body()
    finally:
        try:
            output.HeldBack.end(failed=code != ExitCode.OK)
        except BrokenPipeError:  # the command's own exit code still counts
            output.reader_is_gone()
    return code


def is_command(found: object) -> bool:
    """Whether it was made by ``command``."""
    return any(found is each for each in _commands)


def _run(
    body: Callable[[], int],
    *,
    json: bool,
    quiet: bool,
    verbose: int,
    color: Color,
    log_format: LogFormat,
    log_file: Path | None,
) -> int:
    Verbosity.level = -1 if quiet else verbose
    output.Colours.wanted = color.value
    Verbosity.json = log_format is LogFormat.JSON
    try:
        setup(verbosity=Verbosity.level, style="json" if Verbosity.json else "text", file=log_file)
        with output.Stdout.reserved(), interruptible():
            return _held_back(body, quiet=quiet)
    except BackhaulError as error:
        print_error(error)
        return failed(error.exit_code, output.problems(error), json=json)
    except BrokenPipeError:
        output.reader_is_gone()
        return ExitCode.OK
    except output.UnwritableError as error:
        return unwritable(error)
    except KeyboardInterrupt:
        complain("interrupted")
        return failed(ExitCode.INTERRUPTED, ["interrupted"], json=json)
    except Exception as error:  # the last resort: a line instead of a traceback
        log.debug("unexpected", exc_info=True)
        code, text = unforeseen(error)
        return failed(code, [text], json=json)


def store_keys(given: Sequence[str] | None) -> dict[str, str | bool]:
    """The options by name. Raises ConfigError."""
    return dict(map(_pair, given or ()))


def _pair(text: str) -> tuple[str, str | bool]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"--store {text}: should be KEY=VALUE, such as region=eu-central-1")
    return key, {"true": True, "false": False}.get(value, value)

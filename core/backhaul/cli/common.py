"""What all commands share: options, the log, and how an end is told."""

import inspect
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul.cli import output
from backhaul.cli.interrupts import interruptible
from backhaul.errors import BackhaulError, ConfigError, ExitCode, FailureKind
from backhaul.oserrors import describe

log = logging.getLogger("backhaul")


class LogFormat(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


Configs = Annotated[list[Path], typer.Argument(metavar="CONFIG", help="YAML files.")]
OneConfig = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file.")]
Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
JobNames = Annotated[
    list[str] | None,
    typer.Option("--job", metavar="NAME", help="Only this job; may be given several times."),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Make no requests; show what was last known.")
]

_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only; no progress.")]
_Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Say what happens; -vv says all of it.",
    ),
]
_Format = Annotated[LogFormat, typer.Option("--log-format", help="How to write the log.")]
_File = Annotated[
    Path | None, typer.Option("--log-file", metavar="FILE", help="Write the log to a file, too.")
]
_COMMON: dict[str, tuple[Any, Any]] = {
    "quiet": (_Quiet, False),
    "verbose": (_Verbose, 0),
    "log_format": (_Format, LogFormat.TEXT),
    "log_file": (_File, None),
}
# Kinds whose advice helps when a command as a whole has failed.
_ADVISED = frozenset(FailureKind) - {
    FailureKind.CONFIG,
    FailureKind.FAILED,
    FailureKind.NOT_FOUND,
    FailureKind.PLUGIN,
}


class Verbosity:
    """What the common options of the running command say."""

    level = 0
    json = False


def command(function: Callable[..., int]) -> Callable[..., None]:
    """A command from a function that says the exit code: with the common options, never raising.

    What the user or a server did is told in a line or a few; a traceback is for -vv.
    """
    signature = inspect.signature(function)

    def wrapper(**given: Any) -> None:
        common = {name: given.pop(name) for name in _COMMON}
        raise typer.Exit(int(_run(lambda: function(**given), **common)))

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
    wrapper.__doc__ = function.__doc__
    wrapper.__name__ = function.__name__
    return wrapper


def _run(
    body: Callable[[], int],
    *,
    quiet: bool,
    verbose: int,
    log_format: LogFormat,
    log_file: Path | None,
) -> int:
    Verbosity.level = -1 if quiet else verbose
    Verbosity.json = log_format is LogFormat.JSON
    try:
        from backhaul.cli.logfile import start  # noqa: PLC0415 - logging is not free

        start(Verbosity.level, json=Verbosity.json, file=log_file)
        with output.Stdout.reserved(), interruptible():
            return body()
    except BackhaulError as error:
        say(error)
        return error.exit_code
    except BrokenPipeError:
        output.reader_is_gone()
        return ExitCode.OK
    except output.UnwritableError as error:
        return output.unwritable(error)
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # the last resort: a line instead of a traceback
        log.debug("unexpected", exc_info=True)
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    if isinstance(error, OSError):
        complain(f"{error.filename or 'the system'}: {describe(error)}")
        return ExitCode.DISK
    hint = "" if Verbosity.level > 1 else " (run with -vv for the traceback)"
    text = " ".join(str(error).split())
    complain(f"unexpected {type(error).__name__}: {text}{hint}")
    return ExitCode.UNEXPECTED


def say(error: BackhaulError) -> None:
    """An error on stderr: what is wrong and, where that helps, what to do."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems:
            complain(problem, prefix="")
        complain(f"{len(error.problems)} mistakes; nothing was done")
        return
    complain(error.message)
    if error.kind in _ADVISED:
        complain(error.kind.advice, prefix="  ")


def note_down(text: str) -> None:
    """A failure for the log's file, and for -v; the result itself says it to whoever looks on."""
    shown = Verbosity.json or Verbosity.level > 0
    log.error("%s", text, extra={} if shown else {"said": True})


def complain(text: str, *, prefix: str = "backhaul: error: ") -> None:
    """A line on stderr and in the log's file, without secrets."""
    if log.hasHandlers():  # none before a command has begun
        log.error("%s", text, extra={} if Verbosity.json else {"said": True})
    if not Verbosity.json:
        with suppress(OSError, ValueError):
            sys.stderr.write("\n".join(map(output.words, f"{prefix}{text}".split("\n"))) + "\n")

"""Error messages on stderr, and in the log file."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from backhaul.cli import output
from backhaul.errors import BackhaulError, ConfigError, ExitCode, FailureKind, UnknownJobError
from backhaul.foreign import printable
from backhaul.oserrors import describe
from backhaul.redact import redact

if TYPE_CHECKING:
    from backhaul.config import Config

log = logging.getLogger("backhaul")
# Kinds whose advice also applies when a whole command fails.
_ADVISED = frozenset(FailureKind) - {
    FailureKind.CONFIG,
    FailureKind.FAILED,
    FailureKind.NOT_FOUND,
    FailureKind.PLUGIN,
}
# The options that stand for the API's parameters with job names.
_OPTIONS = {"jobs": "--job ", "same_archive": "--same-archive "}


class Verbosity:
    """The common options of the running command."""

    level = 0
    json = False


def print_error(error: BackhaulError) -> None:
    """Print an error on stderr, with advice where it helps."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems:
            complain(problem, prefix="")
        complain(f"{len(error.problems)} configuration errors; nothing was run")
        return
    option = _OPTIONS[error.parameter] if isinstance(error, UnknownJobError) else ""
    complain(f"{option}{error.message}")
    advice = error.kind.advice_on(error.message) if error.kind in _ADVISED else ""
    if advice:
        complain(advice, prefix="  ")


def no_jobs(configs: "Sequence[Config]") -> None:
    """Warn if there are no jobs."""
    if not any(config.jobs for config in configs):
        log.warning("no jobs in %s", ", ".join(config.path.name for config in configs))


def note_down(text: str) -> None:
    """Log a failure to the log file and, with -v, to stderr; the command's output shows it anyway."""
    shown = Verbosity.json or Verbosity.level > 0
    log.error("%s", text, extra={} if shown else {"printed": True})


def complain(text: str, *, prefix: str = "backhaul: error: ", logged: bool = True) -> None:
    """Print a message on stderr and, if ``logged``, write it to the log file; secrets are redacted."""
    if logged and log.hasHandlers():  # none before a command has started
        log.error("%s", text, extra={} if Verbosity.json else {"printed": True})
    if not Verbosity.json:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{printable(redact(f'{prefix}{text}'), own=True)}\n")


def unforeseen(error: Exception) -> tuple[int, str]:
    """Report an unexpected error on one line; returns the exit code and the text."""
    if isinstance(error, OSError):
        text = f"{error.filename or 'the system'}: {describe(error)}"
        complain(text)
        return ExitCode.DISK, text
    hint = "" if Verbosity.level > 1 else " (run with -vv for the traceback)"
    text = f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
    complain(f"{text}{hint}")
    return ExitCode.UNEXPECTED, text


def failed(code: int, problems: Sequence[str], *, json: bool) -> int:
    """End a command without a result: with ``json``, print what went wrong; returns the exit code."""
    if json and not output.Stdout.used:
        try:
            output.as_json(output.end(code, problems))
        except BrokenPipeError:
            output.reader_is_gone()
        except output.UnwritableError as error:
            return unwritable(error)
    return finish(code)


def finish(code: int) -> int:
    """Flush stdout; returns ``code`` even if the reader has closed the pipe."""
    try:
        output.flush()
    except BrokenPipeError:
        output.reader_is_gone()
    except output.UnwritableError as error:
        return unwritable(error)
    return code


def unwritable(error: output.UnwritableError) -> int:
    """Report that stdout cannot be written; returns the exit code."""
    output.reader_is_gone()
    complain(str(error))
    return ExitCode.DISK

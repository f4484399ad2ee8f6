"""Error messages on stderr, and in the log file."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from backhaul.cli import output
from backhaul.errors import BackhaulError, ConfigError, ExitCode, FailureKind
from backhaul.oserrors import describe

if TYPE_CHECKING:
    from backhaul.config import Config

log = logging.getLogger("backhaul")
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


def say(error: BackhaulError) -> None:
    """An error on stderr: what is wrong and, where that helps, what to do."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems:
            complain(problem, prefix="")
        complain(f"{len(error.problems)} configuration errors; nothing was run")
        return
    complain(error.message)
    if error.kind in _ADVISED:
        complain(error.kind.advice, prefix="  ")


def no_jobs(configs: "Sequence[Config]") -> None:
    """Warns when there is nothing to do."""
    if not any(config.jobs for config in configs):
        log.warning("no jobs in %s", ", ".join(config.path.name for config in configs))


def note_down(text: str) -> None:
    """A failure for the log's file, and for -v; the result itself says it to whoever looks on."""
    shown = Verbosity.json or Verbosity.level > 0
    log.error("%s", text, extra={} if shown else {"said": True})


def complain(text: str, *, prefix: str = "backhaul: error: ", logged: bool = True) -> None:
    """A line on stderr and, if ``logged``, in the log's file; without secrets."""
    if logged and log.hasHandlers():  # none before a command has begun
        log.error("%s", text, extra={} if Verbosity.json else {"said": True})
    if not Verbosity.json:
        with suppress(OSError, ValueError):
            sys.stderr.write("\n".join(map(output.words, f"{prefix}{text}".split("\n"))) + "\n")


def unforeseen(error: Exception) -> int:
    """An error that no command expects, in a line; the exit code for it."""
    if isinstance(error, OSError):
        complain(f"{error.filename or 'the system'}: {describe(error)}")
        return ExitCode.DISK
    hint = "" if Verbosity.level > 1 else " (run with -vv for the traceback)"
    text = " ".join(str(error).split())
    complain(f"unexpected {type(error).__name__}: {text}{hint}")
    return ExitCode.UNEXPECTED


def finish(code: int) -> int:
    """Flush what is still buffered; the exit code stays when the reader is gone."""
    try:
        output.flush()
    except BrokenPipeError:
        output.reader_is_gone()
    except output.UnwritableError as error:
        return unwritable(error)
    return code


def unwritable(error: output.UnwritableError) -> int:
    """Say that stdout takes no more; the exit code for that."""
    output.reader_is_gone()
    complain(str(error))
    return ExitCode.DISK

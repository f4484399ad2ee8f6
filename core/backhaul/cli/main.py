"""The console script. Answers ``--version`` itself; all else is loaded when it is needed."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from backhaul.cli import version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; says the exit status.

    Args:
        arguments: without the program's name; None: those of this process.
    """
    # A fifth of the time that the imports take would be the collector's, who finds nothing in them.
    gc.set_threshold(200_000, 10, 10)
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--version"], ["-V"]):
        return _show_version()
    if arguments is None:
        _use_utf8()
        from backhaul.descriptors import raise_limit  # noqa: PLC0415 - not for ``--version``

        raise_limit()
        # Pydantic looks through all installed distributions for plugins of its own.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from backhaul.cli.app import invoke  # noqa: PLC0415 - typer is heavy

    code = invoke(words)
    if arguments is None:
        _leave(code)
    return code


def _use_utf8() -> None:
    """Start over in Python's UTF-8 mode where the locale has another encoding.

    The names in an archive are UTF-8 in every locale, so that each finds what another has stored.
    """
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _leave(code: int) -> NoReturn:
    """Ends the process at once: all is written by now.

    To take hundreds of modules apart would take longer than many a command, and after Ctrl-C
    threads that still wait for an answer would hold the process up.
    """
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    with suppress(OSError, ValueError):  # closed, or without a reader
        sys.stderr.flush()
    os._exit(code)


def _show_version() -> int:
    try:
        sys.stdout.write(version.answer())
        sys.stdout.flush()
    except OSError as error:
        from backhaul.cli import complaints, output  # noqa: PLC0415 - seldom

        if isinstance(error, BrokenPipeError):
            output.reader_is_gone()
            return 0
        return complaints.unwritable(output.UnwritableError(error))
    return 0

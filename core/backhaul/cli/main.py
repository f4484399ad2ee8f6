"""The console script. Handles ``--version`` itself; everything else is imported on demand."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from backhaul.version import name_and_version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status.

    Args:
        arguments: the arguments without the program's name; default: those of this process.
    """
    # Garbage collection would take a fifth of the import time and free nothing.
    gc.set_threshold(200_000, 10, 10)
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--version"], ["-V"]):
        return _show_version()
    if arguments is None:
        _use_utf8()
        from backhaul.descriptors import raise_limit  # noqa: PLC0415 - not needed for ``--version``

        raise_limit()
        # Pydantic would scan all installed distributions for its own plugins.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from backhaul.cli.app import invoke  # noqa: PLC0415 - typer is heavy

    code = invoke(words)
    if arguments is None:
        _leave(code)
    return code


def _use_utf8() -> None:
    """Restart in Python's UTF-8 mode if the locale uses another encoding.

    File names in an archive are UTF-8 whatever the locale, so that every process finds them.
    """
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - the same program


def _leave(code: int) -> NoReturn:
    """Exit immediately; all output has been written.

    Tearing down hundreds of modules takes longer than many commands, and after Ctrl-C threads that
    still wait for a response would delay the exit.
    """
    if "backhaul.secret_command" in sys.modules:
        sys.modules["backhaul.secret_command"].end_all()
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    with suppress(OSError, ValueError):  # stderr is closed
        sys.stderr.flush()
    os._exit(code)


def _show_version() -> int:
    try:
        sys.stdout.write(name_and_version())
        sys.stdout.flush()
    except OSError as error:
        from backhaul.cli import complaints, output  # noqa: PLC0415 - rarely needed

        if isinstance(error, BrokenPipeError):
            output.reader_is_gone()
            return 0
        return complaints.unwritable(output.UnwritableError(error))
    return 0

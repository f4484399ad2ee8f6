"""A terminal for a process, and its output."""

import os
import pty
import re
import select
import subprocess
from collections.abc import Sequence
from typing import Any

from tests import warm

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    program: Sequence[object], *, columns: int = 200, lines: int = 50, **streams: Any
) -> tuple[int, str]:
    """A process's exit code, and its output on a terminal of this size, without colours.

    ``streams``: Popen streams that are not the terminal.
    """
    code, text = raw_on_terminal(program, columns=columns, lines=lines, **streams)
    return code, _COLOURS.sub("", text)


def raw_on_terminal(
    program: Sequence[object], *, columns: int = 200, lines: int = 50, **streams: Any
) -> tuple[int, str]:
    """As ``on_terminal``, with colours."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm-256color"}
    process = warm.Popen(
        list(map(str, program)),
        stdin=subprocess.DEVNULL,
        env=os.environ | size | {"PYTHONIOENCODING": "utf-8"},
        **({"stdout": theirs, "stderr": theirs} | streams),
    )
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 50)[0]:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux reports that the other side is closed
            break
        if not data:
            break
        written += data
    os.close(ours)
    return process.wait(20), written.decode().replace("\r", "")

"""Kills its own process at the n-th step that changes the disk; on PYTHONPATH only in crash tests.

``DIE_AT``: the step; ``STEPS_TO``: a file that is told how many steps there were.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_at = int(os.environ.get("DIE_AT", "0"))
_lock = threading.Lock()
_steps = 0


def _step() -> None:
    global _steps  # noqa: PLW0603 - the count is the process's
    with _lock:
        _steps += 1
        if _steps == _at:
            os.kill(os.getpid(), signal.SIGKILL)


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        _step()
        result = function(*args, **kwargs)
        _step()
        return result

    return call


class _Connection(sqlite3.Connection):
    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if not sql.lstrip().upper().startswith(("COMMIT", "INSERT", "UPDATE", "BEGIN")):
            return super().execute(sql, *args)
        _step()
        cursor = super().execute(sql, *args)
        _step()
        return cursor


_exit = os._exit


def _leave(code: int) -> NoReturn:
    """The command's own end: nothing that Python would do at its exit is done."""
    Path(os.environ["STEPS_TO"]).write_text(str(_steps))
    _exit(code)


_connect = sqlite3.connect


def _connected(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    return _connect(*args, factory=_Connection, **kwargs)


if "DIE_AT" in os.environ:
    for _name in (
        "rename",
        "replace",
        "unlink",
        "fsync",
        "fdatasync",
        "ftruncate",
        "pwrite",
        "chmod",
    ):
        setattr(os, _name, _counted(getattr(os, _name)))
    sqlite3.connect = _connected  # type: ignore[assignment]  # the same, counted
    if "STEPS_TO" in os.environ:
        os._exit = _leave

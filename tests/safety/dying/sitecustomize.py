"""Kills its own process at a step that changes the disk, or makes the step fail; on PYTHONPATH in crash tests only.

A step is before or after a call: ``rename path``, ``rename path done``, ``COMMIT``, ``COMMIT done``.

``DIE_AT``: the number of the step; 0 for none. ``DIE_ON``: a pattern (fnmatch) for it instead, and
``DIE_AFTER``: one for a step that must have come before. ``STEPS_TO``: a file to which the steps are written at the end.
``LOSE_UNDER``: a folder on a disk that loses unsynced data, see ``losing_disk``; ``LOSE``: in which way,
at the kill; ``LOSE_AT_EXIT``: also at a regular exit.
``TWO_STEPS``: simulate a system that cannot create a new name in one step.
``FAIL_SYNC``: a pattern for steps; the first one fails like a sync to a broken disk;
``FAIL_AFTER``: one for a step that must have come before.
"""

import errno
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import losing_disk

_at = int(os.environ.get("DIE_AT", "0"))
_on = os.environ.get("DIE_ON", "")
_after = os.environ.get("DIE_AFTER", "")
_failing = os.environ.get("FAIL_SYNC", "")
_fail_after = os.environ.get("FAIL_AFTER", "")
# One change at a time: at the kill, each has happened completely or not at all.
_lock = threading.RLock()
_steps: list[str] = []
_disk: losing_disk.LosingDisk | None = None
_ENDLESS = 1 << 60
_SYNCS = {"fsync", "fdatasync", "syncfs"}


def _step(label: str) -> None:
    global _after, _fail_after  # noqa: PLW0603 - once per process
    _steps.append(label)
    if len(_steps) == _at or (_on and not _after and fnmatchcase(label, _on)):
        _cut()
        os.kill(os.getpid(), signal.SIGKILL)
    if fnmatchcase(label, _after):
        _after = ""
    if fnmatchcase(label, _fail_after):
        _fail_after = ""


def _cut() -> None:
    global _at, _on  # the power failure's own calls are not steps
    _at, _on = -1, ""
    if _disk is not None:
        _disk.cut(os.environ["LOSE"], int(os.environ.get("LOSE_SEED", "0")))


def _label(name: str, subject: object) -> str:
    if isinstance(subject, int):
        subject = os.readlink(f"/proc/self/fd/{subject}")  # noqa: PTH115 - text
    return f"{name} {os.fspath(subject)}"  # type: ignore[call-overload]  # a path


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _lock:
            label = _label(name, args[0])
            _step(label)
            _may_fail(name, label, args[0])
            result = function(*args, **kwargs)
            if _disk is not None:
                _tell(_disk, name, args, result)
            _step(f"{label} done")
        return result

    return call


def _may_fail(name: str, label: str, fd: Any) -> None:
    global _failing  # noqa: PLW0603 - once per process
    if _failing and not _fail_after and name in _SYNCS and fnmatchcase(label, _failing):
        _failing = ""
        if _disk is not None:
            _disk.fail(fd)
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def _tell(disk: losing_disk.LosingDisk, name: str, args: tuple[Any, ...], result: Any) -> None:
    if name in {"fsync", "fdatasync"}:
        disk.sync(args[0])
    elif name == "syncfs":
        disk.sync_all()
    elif name == "pwrite":
        disk.written(args[0], args[2], args[2] + result)
    elif name == "ftruncate":
        disk.written(args[0], args[1], _ENDLESS)


class _Connection(sqlite3.Connection):
    path = ""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        word = sql.lstrip().partition(" ")[0].upper()
        if (
            word not in {"COMMIT", "INSERT", "UPDATE", "BEGIN", "DELETE"}
            and "journal_mode" not in sql
        ):
            return super().execute(sql, *args)
        with _lock:
            _step(word)
            cursor = super().execute(sql, *args)
            self._look(synced="journal_mode" in sql or (word == "COMMIT" and self._is_full()))
            _step(f"{word} done")
        return cursor

    def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
        with _lock:
            return super().executemany(sql, *args)

    def close(self) -> None:
        with _lock:
            super().close()
            self._look(synced=False)

    def _is_full(self) -> bool:
        (level,) = super().execute("PRAGMA synchronous").fetchone()
        return bool(level >= 2)

    def _look(self, *, synced: bool) -> None:
        """SQLite syncs each commit only with FULL; an occasional checkpoint is always synced."""
        here = os.path.exists(self.path)  # noqa: PTH110 - text
        if _disk is None or not here or not _disk.holds(self.path):
            return
        if synced or _disk.ledger_differs(self.path):
            _disk.ledger_synced(self.path)


_exit = os._exit


def _leave(code: int) -> NoReturn:
    """Exits like the command, without Python's cleanup."""
    if "STEPS_TO" in os.environ:
        Path(os.environ["STEPS_TO"]).write_text("\n".join(_steps))
    if "LOSE_AT_EXIT" in os.environ:
        _cut()
    elif _disk is not None:
        _disk.save()
    _exit(code)


_connect = sqlite3.connect


def _connected(path: Any, **kwargs: Any) -> sqlite3.Connection:
    connection = _connect(path, factory=_Connection, **kwargs)
    connection.path = os.path.realpath(path)
    return connection


def _begin() -> None:
    global _disk  # noqa: PLW0603 - the process's
    if "LOSE_UNDER" in os.environ:
        state = os.environ.get("LOSE_STATE")
        _disk = losing_disk.LosingDisk(
            Path(os.environ["LOSE_UNDER"]), Path(state) if state else None
        )
    for name in (
        "fchmod", "fdatasync", "fsync", "ftruncate", "link", "mkdir", "pwrite", "rename", "replace", "unlink",
    ):  # fmt: skip
        setattr(os, name, _counted(name, getattr(os, name)))
    from backhaul.storage import naming, sync  # noqa: PLC0415 - when they are to be changed only

    exclusively = naming.rename_exclusively
    if exclusively is not None:
        at_once = _counted("rename", lambda _, folder, old, new: exclusively(folder, old, new))
        naming.rename_exclusively = (
            None
            if "TWO_STEPS" in os.environ
            else lambda folder, old, new: at_once(os.fsdecode(old), folder, old, new)
        )
    if sync.syncfs is not None:
        sync.syncfs = _counted("syncfs", sync.syncfs)
    sqlite3.connect = _connected  # type: ignore[assignment]  # the same, counted
    os._exit = _leave


if "DIE_AT" in os.environ:
    _begin()

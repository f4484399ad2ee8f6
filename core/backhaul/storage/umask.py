"""Reads the process's umask without changing it, since a change would affect other threads."""

import os
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")


def umask() -> int:
    """The umask: on Linux the current one (proc(5), "Umask"), elsewhere that at import time."""
    found = _from_proc()
    return _AT_FIRST if found is None else found


def _from_proc() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in _STATUS.read_bytes().splitlines():
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    return None


def _by_setting() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


_AT_FIRST = 0 if _from_proc() is not None else _by_setting()

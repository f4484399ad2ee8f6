"""The process's umask, read without changing it: setting it for a moment would change files of other threads."""

import os
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")


def umask() -> int:
    """The umask: on Linux as it is now (proc(5), "Umask"), elsewhere as it was when this was loaded."""
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

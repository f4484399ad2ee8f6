"""Finds the process that has locked a job, without disturbing a run."""

import fcntl
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backhaul.storage.opening import open_to_read
from backhaul.storage.workspace import lease_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that has locked a job, from the lock file.

    Attributes:
        pid, host: of the process.
        since: when it took the job.
    """

    pid: int
    host: str
    since: datetime


def holder(workspace: Path, job: str) -> Holder | None:
    """The process that has locked the job; None if it is not locked.

    The system's list of locks is read first, which does not disturb runs. A shared lock is tried
    only if there is no such list, or if it does not show this lock (of another container).
    """
    path = lease_path(workspace, job)
    try:
        fd = open_to_read(path)
    except OSError:
        return None
    try:
        found = _read(fd)
        if found is None or (found.host == socket.gethostname() and not _alive(found.pid)):
            return None
        return found if _listed(os.fstat(fd)) or _locked(fd) else None
    finally:
        os.close(fd)


def _read(fd: int) -> Holder | None:
    try:
        found = json.loads(os.pread(fd, 4096, 0))
        since = datetime.fromisoformat(found["since"])
        return Holder(pid=int(found["pid"]), host=str(found["host"]), since=since)
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _listed(stat: os.stat_result) -> bool:
    """Whether Linux lists an exclusive flock of that file (see proc(5), /proc/locks)."""
    wanted = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if "FLOCK" in words and "WRITE" in words and wanted in words and "->" not in words:
                return True
    return False


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False

"""Locks a job for one run; the operating system releases the lock when the process dies."""

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from backhaul.errors import DiskError, LockedError
from backhaul.oserrors import describe
from backhaul.storage.opening import open_to_write, regular
from backhaul.storage.place import identity
from backhaul.storage.workspace import lease_path


class Lease:
    """Locks a job for this process until ``release`` or until the process ends.

    Raises:
        LockedError: another run has locked the job; the message says which, and since when.
        DiskError: the lock file cannot be written.
    """

    def __init__(self, workspace: Path, job: str) -> None:
        path = lease_path(workspace, job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = self._take(path, job)
        except OSError as error:
            raise DiskError(f"{path}: {describe(error, path.parent)}") from None
        try:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now})
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)
        except OSError as error:
            os.close(self._fd)
            raise DiskError(f"{path}: {describe(error)}") from None

    def _take(self, path: Path, job: str) -> int:
        """Opens and locks the file. Raises OSError, LockedError."""
        while True:
            fd = open_to_write(path, linked=True)
            try:
                _lock(fd, job)
                held = os.fstat(fd)
                named = regular(path)
                if named is not None and identity(named) == identity(held):
                    if held.st_nlink == 1:
                        return fd
                    path.unlink()  # a hard link: the other name may be another archive's lock
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # the file was replaced before it was locked

    def release(self) -> None:
        """Releases the job."""
        os.close(self._fd)


def _lock(fd: int, job: str) -> None:
    for last in (False, False, True):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                raise LockedError(f"job {job} is locked by {_read(fd)}") from None
            time.sleep(0.02)  # `watch` briefly locks these files to test them
        else:
            return


def _read(fd: int) -> str:
    try:
        found = json.loads(os.pread(fd, 4096, 0))
        return f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError, OSError):
        return "another run"

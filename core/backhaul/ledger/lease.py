"""One run a job: a lease that the system takes back when its holder dies."""

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from backhaul.errors import DiskError, LockedError
from backhaul.ledger.database import FOLDER
from backhaul.oserrors import describe


class Lease:
    """Holds a job for this process until ``release`` or the process's end, however it comes.

    Raises:
        LockedError: another run holds it; says who and since when.
        DiskError: the lease's file cannot be written.
    """

    def __init__(self, dest: Path, job: str) -> None:
        folder = dest / FOLDER / "leases"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(folder / job, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DiskError(f"{folder}: {describe(error, folder)}") from None
        try:
            self._lock(job)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now})
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)
        except OSError as error:
            os.close(self._fd)
            raise DiskError(f"{folder / job}: {describe(error, folder)}") from None
        except LockedError:
            os.close(self._fd)
            raise

    def _lock(self, job: str) -> None:
        for last in (False, False, True):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if last:
                    raise LockedError(f"job {job} is held by {_read(self._fd)}") from None
                time.sleep(0.02)  # `watch` looks at leases for an instant
            else:
                return

    def release(self) -> None:
        """Lets go."""
        os.close(self._fd)


def _read(fd: int) -> str:
    try:
        found = json.loads(os.pread(fd, 4096, 0))
        return f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError, OSError):
        return "another run"

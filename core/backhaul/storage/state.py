"""The state of an archive (ledger, leases, rejected downloads), on a local disk.

For a local archive, it is a subfolder. For the jobs' files, see ``storage.job``.
"""

import os
from contextlib import suppress
from pathlib import Path


def state_folder(dest: Path) -> Path:
    """The folder of an archive's state; it may not exist yet."""
    return dest / ".backhaul"


def lease_path(dest: Path, job: str) -> Path:
    """The job's lock file."""
    return state_folder(dest) / "leases" / job


def leased(dest: Path) -> list[str]:
    """Names of all jobs that have a lock file. Raises OSError."""
    folder = lease_path(dest, "")
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def free(dest: Path) -> int:
    """Free space for parts and state, for this user, in bytes. Raises OSError."""
    found = os.statvfs(dest)
    return found.f_bavail * found.f_frsize


def free_at(dest: Path) -> int | None:
    """Like ``free_space``, for an archive that may not exist yet; None if unknown."""
    for place in (dest, *dest.parents):
        with suppress(OSError):
            return free(place)
    return None

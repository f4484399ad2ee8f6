"""What belongs to an archive but is not in it, in its workspace on a local disk: locks, free space.

For the jobs' files, see ``storage.job``.
"""

import os
from contextlib import suppress
from pathlib import Path

_LEASES = "leases"


def lease_path(workspace: Path, job: str) -> Path:
    """The job's lock file."""
    return workspace / _LEASES / job


def leased(workspace: Path) -> list[str]:
    """Names of all jobs that have a lock file. Raises OSError."""
    folder = workspace / _LEASES
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def free(place: Path) -> int:
    """Free space for this user on a folder's disk, in bytes. Raises OSError."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def free_at(path: Path) -> int | None:
    """Like ``free``, for a folder that may not exist yet; None if unknown."""
    for place in (path, *path.parents):
        with suppress(OSError):
            return free(place)
    return None

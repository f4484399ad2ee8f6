"""Where the state of an archive is: its ledger, leases and rejected bodies, on a local disk.

For a folder it is a subfolder of it. The files of the jobs are elsewhere: see ``storage.job``.
"""

import os
from contextlib import suppress
from pathlib import Path


def state_folder(dest: Path) -> Path:
    """The folder of an archive's state; it may not exist yet."""
    return dest / ".backhaul"


def lease_path(dest: Path, job: str) -> Path:
    """The file that a run of the job keeps locked."""
    return state_folder(dest) / "leases" / job


def leased(dest: Path) -> list[str]:
    """Names of all jobs that a run ever held. Raises OSError."""
    folder = lease_path(dest, "")
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def free(dest: Path) -> int:
    """Bytes that this user may still write where parts and state are. Raises OSError."""
    found = os.statvfs(dest)
    return found.f_bavail * found.f_frsize


def free_at(dest: Path) -> int | None:
    """The same where the archive may not exist yet; None if the system does not tell."""
    for place in (dest, *dest.parents):
        with suppress(OSError):
            return free(place)
    return None

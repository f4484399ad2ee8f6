"""Creates and syncs folders so that they survive a power failure."""

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Makes a folder's entries survive a power failure. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Creates a folder and its parents so that they survive a power failure. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    for each in missing:
        sync_folder(each.parent)

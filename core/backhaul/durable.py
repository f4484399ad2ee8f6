"""Folders and the names in them that survive a power cut."""

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Makes the names in a folder survive a power cut. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Makes a folder, and those above it, so that they survive a power cut. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    for each in missing:
        sync_folder(each.parent)

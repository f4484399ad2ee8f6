"""A file system of its own for a test, and what takes the room on it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A new folder that is a file system of that size while it lasts; without root, a skip."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Ballast:
    """A file of somebody else's that leaves ``left`` bytes of the disk free."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._path = disk / "ballast"

    def load(self, *, left: int) -> None:
        """Takes all other room."""
        found = os.statvfs(self._disk)
        self._path.write_bytes(bytes(found.f_bavail * found.f_frsize - left))

    def drop(self) -> None:
        """Makes room."""
        self._path.unlink()

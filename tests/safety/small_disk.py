"""A file system for a test, and a way to fill it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A new folder with its own file system of that size; skips the test without root."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class ThinDisk:
    """A disk that claims more space than it has: it accepts writes, and loses them on sync.

    Skips the test without root and the necessary tools.

    Args:
        folder: a new folder; the disk is ``path`` in it.
        room: bytes available, in addition to those of an empty disk.
        size: bytes claimed.
    """

    def __init__(self, folder: Path, *, room: int, size: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._image = folder / "image"
        self.path = folder / "disk"
        words = ["mount", "-t", "tmpfs", "-o", f"size={2 * size}", "tmpfs", str(folder)]
        make = ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._image]
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or _fails(words):
            pytest.skip("a thin disk needs root and mkfs.ext4")
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(size)
        if _fails([*map(str, make)]) or _fails(["mount", "-o", "loop", self._image, self.path]):
            subprocess.run(["umount", "-l", str(folder)], check=True)
            pytest.skip("a thin disk needs loop devices")
        self._resize(self._image.stat().st_blocks * 512 + room)

    def grow(self) -> None:
        """Provides all claimed space, and more.

        A disk that lost writes of its own journal turns read-only: it is repaired and mounted again, as its
        owner would do.
        """
        self._resize(2 * self._image.stat().st_size)
        if not _writable(self.path):
            subprocess.run(["umount", str(self.path)], check=True)
            subprocess.run(["e2fsck", "-fy", str(self._image)], capture_output=True, check=False)
            subprocess.run(["mount", "-o", "loop", str(self._image), str(self.path)], check=True)

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._folder)], check=True)

    def read_again(self) -> None:
        """Drops caches, so that data is read from disk."""
        subprocess.run(["umount", str(self.path)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.path)], check=True)

    def close(self) -> None:
        """Removes the disk."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)
        subprocess.run(["umount", "-l", str(self._folder)], check=True)


def _writable(folder: Path) -> bool:
    probe = folder / "probe"
    try:
        probe.write_bytes(b"a")
        probe.unlink()
    except OSError:
        return False
    return True


def _fails(words: "Sequence[str | Path]") -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode != 0


class Ballast:
    """A foreign file that leaves ``left`` bytes of the disk free."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._path = disk / "ballast"

    def load(self, *, left: int) -> None:
        """Fills the disk."""
        found = os.statvfs(self._disk)
        self._path.write_bytes(bytes(found.f_bavail * found.f_frsize - left))

    def drop(self) -> None:
        """Frees the space."""
        self._path.unlink()

"""Making written files durable, many at a time."""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence

_FEW = 4  # up to so many files, syncing each is cheaper than syncing the file system
_TELLS = (5, 8)  # the first Linux whose syncfs says that something could not be written


def _find_syncfs() -> Callable[[int], None] | None:
    if not sys.platform.startswith("linux") or _release() < _TELLS:
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if function is None:
        return None
    function.argtypes = [ctypes.c_int]

    def sync(fd: int) -> None:
        if function(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync


def _release() -> tuple[int, int]:
    """The kernel's version; (0, 0) when it does not say."""
    try:
        major, minor = os.uname().release.split(".")[:2]
        return int(major), int(minor)
    except ValueError:
        return 0, 0


syncfs = _find_syncfs()
"""Writes the whole file system that a descriptor is on; None where that cannot be relied on. Raises OSError."""


def sync_files(folder_fd: int, names: Sequence[str], opened: Callable[[str], int]) -> None:
    """Makes the content of files in the folder survive a power cut. Raises OSError.

    One call for the whole file system costs about as much as one file's fsync, where there is one.

    Args:
        folder_fd: a descriptor of the folder.
        names: of the files.
        opened: gives a descriptor of one of them.
    """
    if syncfs is not None and len(names) > _FEW:
        syncfs(folder_fd)
        return
    for name in names:
        fd = opened(name)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

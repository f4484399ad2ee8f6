"""Makes written files durable, one or many at a time: all that differs between systems."""

import ctypes
import errno
import fcntl
import os
import sys
from collections.abc import Callable, Sequence

_FEW = 4  # up to this many files, syncing each is cheaper than syncing the file system
_TELLS = (5, 8)  # the first Linux version whose syncfs reports write errors


if sys.platform == "darwin":
    # Of file systems without it, such as a share of another machine.
    _UNABLE = frozenset({errno.ENOTSUP, errno.EINVAL, errno.ENOTTY})

    def sync(fd: int) -> None:
        """Makes a file or folder durable; fsync(2) alone leaves data in the drive's cache. Raises OSError."""
        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            os.fsync(fd)

    sync_data = sync

    def read_from_disk(fd: int) -> None:
        """Lets a file be read from the disk rather than from memory. Raises OSError."""
        fcntl.fcntl(fd, fcntl.F_NOCACHE, 1)

else:

    def sync(fd: int) -> None:
        """Makes a file or folder durable. Raises OSError."""
        os.fsync(fd)

    def sync_data(fd: int) -> None:
        """Makes a file's data durable, without its times. Raises OSError."""
        os.fdatasync(fd)

    def read_from_disk(fd: int) -> None:
        """Lets a file that is durable be read from the disk rather than from memory. Raises OSError."""
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _find_syncfs() -> Callable[[int], None] | None:
    if not sys.platform.startswith("linux") or _release() < _TELLS:
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if function is None:
        return None
    function.argtypes = [ctypes.c_int]

    def sync_all(fd: int) -> None:
        if function(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync_all


def _release() -> tuple[int, int]:
    """The kernel's version; (0, 0) if unknown."""
    try:
        major, minor = os.uname().release.split(".")[:2]
        return int(major), int(minor)
    except ValueError:
        return 0, 0


syncfs = _find_syncfs()
"""Syncs the file system of a descriptor; None if the system does not report errors. Raises OSError."""


def sync_files(folder_fd: int, names: Sequence[str], opened: Callable[[str], int]) -> None:
    """Makes the content of files in a folder durable. Raises OSError.

    Where supported, one sync of the whole file system costs about as much as one file's fsync.

    Args:
        folder_fd: the folder's descriptor.
        names: the files' names.
        opened: opens one of them.
    """
    if syncfs is not None and len(names) > _FEW:
        syncfs(folder_fd)
        return
    for number, name in enumerate(names, 1):
        fd = opened(name)
        try:
            # On macOS, the last one empties the drive's cache for all, which takes long.
            (sync if number == len(names) else os.fsync)(fd)
        finally:
            os.close(fd)

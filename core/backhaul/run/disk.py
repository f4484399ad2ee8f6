"""Is there room?"""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from backhaul.errors import DiskError
from backhaul.wording import human

# What no other file will fare better with.
FATAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM})


def free(path: Path) -> int:
    """Bytes that this user may still write there. Raises OSError."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def free_at(dest: Path) -> int | None:
    """Bytes free where the destination is, or would be made."""
    for place in (dest, *dest.parents):
        with suppress(OSError):
            found = os.statvfs(place)
            return found.f_bavail * found.f_frsize
    return None


def taken(paths: Iterable[Path]) -> int:
    """Bytes that files take on the disk, holes not counted; those that are gone take none."""
    size = 0
    for path in paths:
        with suppress(FileNotFoundError):
            size += path.stat().st_blocks * 512
    return size


def preflight(path: Path, need: int, low_water: int) -> None:
    """Raises DiskError when what is listed will not fit above the low-water mark."""
    room = free(path)
    if need > room - low_water:
        raise DiskError(
            f"{path}: {human(need)} to fetch, but only {human(room)} free"
            f" (and {human(low_water)} stay free by min_free_space)"
        )

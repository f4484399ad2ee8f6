"""How much room there is where an archive's files land."""

import os
from contextlib import suppress
from pathlib import Path


def free(dest: Path) -> int:
    """Bytes that this user may still write there. Raises OSError."""
    found = os.statvfs(dest)
    return found.f_bavail * found.f_frsize


def free_at(dest: Path) -> int | None:
    """Bytes free where the archive is, or would be made."""
    for place in (dest, *dest.parents):
        with suppress(OSError):
            return free(place)
    return None

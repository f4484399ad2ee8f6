"""What the system's errors mean for people: its own words, and what to do about them."""

import errno
from pathlib import Path
from typing import Final

_HINTS: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space or have the quota raised",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "fix its permissions",
    errno.EPERM: "fix its permissions",
    errno.EMFILE: "raise `ulimit -n` or lower --connections",
    errno.ENFILE: "the whole system has too many open files",
    errno.EFBIG: "raise `ulimit -f`, or use a file system that takes larger files",
    errno.EXDEV: "it leads to another file system",
    errno.EIO: "the disk may be failing; see the system's log",
}
_OF_PATHS: Final = frozenset({errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.ELOOP})


def describe(error: OSError, path: Path | None = None) -> str:
    """An error of the system in words, with a hint where one helps.

    Args:
        error: the error.
        path: what was to be opened or made: if a link on the way leads nowhere, that is named.
    """
    words = error.strerror or str(error)
    if path is not None and error.errno in _OF_PATHS and (link := _dangling(path)) is not None:
        return f"{link} is a link that leads nowhere: create what it names, or remove it"
    hint = _HINTS.get(error.errno or 0)
    return words if hint is None else f"{words}; {hint}"


def _dangling(path: Path) -> Path | None:
    """The first link on the way to a path whose target does not exist."""
    for step in (*reversed(path.parents), path):
        try:
            if step.is_symlink() and not step.exists():
                return step
        except OSError:  # a loop of links
            return step
    return None

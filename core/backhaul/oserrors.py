"""Describes operating system errors, with hints on how to fix them."""

import errno
from pathlib import Path
from typing import Final

from backhaul.errors import BackhaulError, FailureKind, InterruptedRunError

_HINTS: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "fix its permissions",
    errno.EPERM: "fix its permissions",
    errno.EMFILE: "raise `ulimit -n` or lower --connections",
    errno.ENFILE: "the whole system has too many open files",
    errno.EFBIG: "raise `ulimit -f`, or use a file system that supports larger files",
    errno.EXDEV: "it is on another file system",
    errno.EIO: "the disk may be failing; see the system log",
}
_STOPPED: Final = "stopped before the store responded"
_OF_PATHS: Final = frozenset({errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.ELOOP})


def describe(error: OSError, path: Path | None = None) -> str:
    """Describes an error, with a hint if there is one.

    Args:
        error: the error.
        path: the path being opened or created; a dangling symlink in it is named.
    """
    words = error.strerror or str(error)
    if path is not None and error.errno in _OF_PATHS and (link := _dangling(path)) is not None:
        return f"{link} is a dangling symlink: create its target, or remove it"
    hint = _HINTS.get(error.errno or 0)
    return words if hint is None else f"{words}; {hint}"


def _dangling(path: Path) -> Path | None:
    """The first symlink in a path whose target does not exist."""
    for step in (*reversed(path.parents), path):
        try:
            if step.is_symlink() and not step.exists():
                return step
        except OSError:  # a symlink loop
            return step
    return None


class StoreError(BackhaulError, OSError):
    """An object store cannot be used, or refuses an object; the message says why and what to do.

    Args:
        message: one line.
        kind: STORE, or DENIED if the credentials do not suffice.
    """

    def __init__(self, message: str, *, kind: FailureKind = FailureKind.STORE) -> None:
        super().__init__(message)
        self.errno, self.strerror = errno.EPROTO, self.message
        self.kind = kind
        self.exit_code = kind.exit_code

    def __str__(self) -> str:
        return self.message


class StoppedError(InterruptedRunError, InterruptedError):
    """A request to an object store was ended by a stop, before the store responded."""

    def __init__(self, message: str = f"{_STOPPED}; call it again to resume") -> None:
        super().__init__(message)
        self.errno, self.strerror = errno.EINTR, _STOPPED

    def __str__(self) -> str:
        return self.message

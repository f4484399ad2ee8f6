"""Renames files without ever replacing another file."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable

_ONLY_NEW_LINUX, _ONLY_NEW_MAC = 1, 4  # RENAME_NOREPLACE, RENAME_EXCL
# Errors of systems and file systems without an atomic exclusive rename, or without hard links.
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})


def _find() -> Callable[[int, bytes, bytes], None] | None:
    """renameat2 on Linux or renameatx_np on macOS; None on other systems."""
    name, flag = {
        "linux": ("renameat2", _ONLY_NEW_LINUX),
        "darwin": ("renameatx_np", _ONLY_NEW_MAC),
    }.get(sys.platform, ("", 0))
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if function is None:
        return None
    function.argtypes = [
        ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint,
    ]  # fmt: skip

    def rename(folder: int, old: bytes, new: bytes) -> None:
        if function(folder, old, folder, new, flag) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), os.fsdecode(new))

    return rename


rename_exclusively = _find()
"""Renames atomically within a folder, given its descriptor. Raises OSError, FileExistsError."""


def rename_new(folder: int, old: str, new: str) -> None:
    """Renames a file within a folder, given its descriptor, to an unused name.

    Without an atomic rename, the file briefly has both names; after a kill, ``finish_rename``
    completes the rename.

    Raises:
        FileExistsError: the name is taken.
        OSError: the file cannot be renamed.
    """
    if rename_exclusively is not None:
        try:
            rename_exclusively(folder, os.fsencode(old), os.fsencode(new))
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
        else:
            return
    try:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        if _stat(folder, new) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        os.unlink(old, dir_fd=folder)


def finish_rename(folder: int, old: str, new: str) -> bool:
    """Removes the old name if both names belong to one file; returns whether they did."""
    before, after = _stat(folder, old), _stat(folder, new)
    if before is None or after is None or not os.path.samestat(before, after):
        return False
    os.unlink(old, dir_fd=folder)
    return True


def _stat(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None

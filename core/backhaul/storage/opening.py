"""Opening the files of an archive: regular files only, without ever waiting.

Whoever opens a named pipe waits until somebody writes to it, a device does what it likes, and a
symbolic link leads out of the archive. They are refused, and so is a second name of a file that is
to be written: what the other name holds never changes. Reading accepts files with several names.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backhaul.descriptors import patiently

_COMMON = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_READ = os.O_RDONLY | _COMMON
_WRITE = os.O_RDWR | _COMMON
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# What open says of something that is not a file, or of the last part of a path that is a link.
_NOT_FILES = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.ENODEV, errno.EISDIR})
_WORDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)
_KIND = 0o170000  # the bits of a mode that stat.S_IFMT gives
_stat = os.stat
Name = str | Path


class InTheWayError(OSError):
    """Something else is where a file or a folder should be; ``strerror`` says what, and what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EEXIST, what)


def open_to_read(name: Name, *, dir_fd: int | None = None) -> int:
    """A file's descriptor. Raises InTheWayError when it is not a regular file, OSError."""
    fd = _open(name, _READ, 0, dir_fd)
    return _regular(fd, os.fstat(fd), name)


def open_to_write(
    name: Name, *, dir_fd: int | None = None, mode: int = 0o600, linked: bool = False
) -> int:
    """A file's descriptor, for reading and writing; what is in it stays. Made when it is not there.

    Args:
        name: of the file.
        dir_fd: the folder that the name is relative to.
        mode: of a file that is made.
        linked: whether it may have another name too; then nothing is to be written to it.

    Raises:
        InTheWayError: it is not a regular file, or has another name too.
        OSError: it cannot be opened.
    """
    fd = _open(name, _WRITE | os.O_CREAT, mode, dir_fd)
    found = os.fstat(fd)
    if found.st_nlink > 1 and not linked and stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise second_name(name)
    return _regular(fd, found, name)


def create(name: Name, *, dir_fd: int | None = None, mode: int = 0o666) -> int:
    """The descriptor of a new, empty file; a regular file of that name loses the name, not its content.

    Raises InTheWayError when something else has the name, OSError.
    """
    flags = _WRITE | os.O_CREAT | os.O_EXCL
    try:
        return patiently(lambda: os.open(name, flags, mode, dir_fd=dir_fd))
    except FileExistsError:
        refuse_others(name, dir_fd=dir_fd)
        remove(name, dir_fd=dir_fd)
        return patiently(lambda: os.open(name, flags, mode, dir_fd=dir_fd))


def regular(name: Name, *, dir_fd: int | None = None) -> os.stat_result | None:
    """What the system says of a regular file; None when there is none of that name. Raises OSError."""
    try:
        found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def size_in(dir_fd: int, name: str) -> int | None:
    """Bytes of a regular file; None when there is none of that name. Raises OSError.

    The same as ``regular`` says, in one call: it is asked for each of a million files.
    """
    try:
        found = _stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if found.st_mode & _KIND == stat.S_IFREG else None


def refuse_others(name: Name, *, dir_fd: int | None = None) -> None:
    """Raises InTheWayError when a name belongs to something that is not a regular file; OSError."""
    try:
        found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise _in_the_way(name, found)


def replace(old: Name, new: Name, *, dir_fd: int | None = None) -> None:
    """Renames a file over another one, or none. Raises InTheWayError, OSError."""
    refuse_others(new, dir_fd=dir_fd)
    os.rename(old, new, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def remove(name: Name, *, dir_fd: int | None = None) -> None:
    """Removes a regular file, if there is one of that name. Raises OSError."""
    if regular(name, dir_fd=dir_fd) is not None:
        try:
            os.unlink(name, dir_fd=dir_fd)
        except FileNotFoundError:
            return


def open_folder(name: str, *, dir_fd: int) -> int:
    """A folder's descriptor. Raises InTheWayError when it is not one, or a link to one; OSError."""
    try:
        return patiently(lambda: os.open(name, _FOLDER, dir_fd=dir_fd))
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP, errno.EMLINK}:
            found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
            raise _in_the_way(name, found, wanted="folder") from None
        raise


@contextmanager
def entries_of(fd: int) -> "Iterator[Iterator[os.DirEntry[str]]]":
    """What is in a folder, given by a descriptor that other threads may use as well. Raises OSError.

    A descriptor and its copies have one place in the list of entries, which a second reader moves on:
    each would see some of them. So the folder is opened a second time.
    """
    own = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        with os.scandir(own) as entries:
            yield entries
    finally:
        os.close(own)


def second_name(name: Name) -> InTheWayError:
    """The error for a file that has more names than one, and is to be written."""
    return InTheWayError(
        f"{name} is a hard link: writing to it would change the file of another name too;"
        " put a copy in its place"
    )


def _open(name: Name, flags: int, mode: int, dir_fd: int | None) -> int:
    try:
        return patiently(lambda: os.open(name, flags, mode, dir_fd=dir_fd))
    except OSError as error:
        if error.errno in _NOT_FILES:
            refuse_others(name, dir_fd=dir_fd)
        raise


def _regular(fd: int, found: os.stat_result, name: Name) -> int:
    if stat.S_ISREG(found.st_mode):
        return fd
    os.close(fd)
    raise _in_the_way(name, found)


def _in_the_way(name: Name, found: os.stat_result, *, wanted: str = "file") -> InTheWayError:
    what = next((words for is_one, words in _WORDS if is_one(found.st_mode)), "a device")
    return InTheWayError(f"{name} is {what}, not a {wanted}: move it away")

"""Opens the files of an archive: only regular files, without blocking.

Opening a named pipe would block until it has a writer, devices have side effects, and symbolic links
may lead out of the archive, so these are refused. Hard links are refused for writing, because
writing would change the file under its other name; reading accepts them.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from backhaul.descriptors import patiently

_COMMON = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_READ = os.O_RDONLY | _COMMON
_WRITE = os.O_RDWR | _COMMON
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Errors of open for anything but a file, and for a path that ends in a symbolic link.
_NOT_FILES = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.ENODEV, errno.EISDIR})
_WORDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)
_KIND = 0o170000  # the mode bits of stat.S_IFMT
_stat = os.stat
_creating = Lock()
Name = str | Path


class InTheWayError(OSError):
    """Something else has the name of a file or folder; ``strerror`` says what, and what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EEXIST, what)


def open_to_read(name: Name, *, dir_fd: int | None = None) -> int:
    """Opens a file for reading. Raises InTheWayError if it is not a regular file, OSError."""
    fd = _open(name, _READ, 0, dir_fd)
    return _regular(fd, os.fstat(fd), name)


def open_to_write(name: Name, *, dir_fd: int | None = None, linked: bool = False) -> int:
    """Opens a file for reading and writing, keeping its content; creates it if necessary.

    Args:
        name: the file's name.
        dir_fd: the folder that the name is relative to.
        linked: whether to accept a hard link; the caller must not write to it then.

    Raises:
        InTheWayError: it is not a regular file, or is a hard link.
        OSError: it cannot be opened.
    """
    fd = _open(name, _WRITE | os.O_CREAT, 0o600, dir_fd)
    found = os.fstat(fd)
    if found.st_nlink > 1 and not linked and stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise hard_link_error(name)
    return _regular(fd, found, name)


def create(name: Name, *, dir_fd: int | None = None, mode: int = 0o666) -> int:
    """Opens a new, empty file; unlinks an existing regular file of that name.

    Raises InTheWayError if something else has the name, OSError.
    """
    flags = _WRITE | os.O_CREAT | os.O_EXCL
    try:
        return patiently(lambda: os.open(name, flags, mode, dir_fd=dir_fd))
    except FileExistsError:
        refuse_others(name, dir_fd=dir_fd)
        remove(name, dir_fd=dir_fd)
        return patiently(lambda: os.open(name, flags, mode, dir_fd=dir_fd))


def create_once(path: Path, *, mode: int) -> bool:
    """Creates an empty file; False if the name is taken. Raises OSError.

    Never opens an existing file: closing it would drop all of this process's locks on it, see fcntl(2).
    """
    flags = _WRITE | os.O_CREAT | os.O_EXCL
    with _creating:  # others find the name taken only after it is closed, and may lock it then
        try:
            os.close(patiently(lambda: os.open(path, flags, mode)))
        except FileExistsError:
            return False
    return True


def regular(name: Name, *, dir_fd: int | None = None) -> os.stat_result | None:
    """The stat result of a regular file; None if it does not exist. Raises OSError."""
    try:
        found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def size_in(dir_fd: int, name: str) -> int | None:
    """Size of a regular file; None if it does not exist. Raises OSError.

    Like ``regular``, but with a single system call, since it is called for a million files.
    """
    try:
        found = _stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if found.st_mode & _KIND == stat.S_IFREG else None


def refuse_others(name: Name, *, dir_fd: int | None = None) -> None:
    """Raises InTheWayError if a name belongs to something other than a regular file, OSError."""
    try:
        found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise _in_the_way(name, found)


def replace(old: Name, new: Name, *, dir_fd: int | None = None) -> None:
    """Renames a file, replacing an existing one. Raises InTheWayError, OSError."""
    refuse_others(new, dir_fd=dir_fd)
    os.rename(old, new, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def remove(name: Name, *, dir_fd: int | None = None) -> None:
    """Removes a regular file if it exists. Raises OSError."""
    if regular(name, dir_fd=dir_fd) is not None:
        try:
            os.unlink(name, dir_fd=dir_fd)
        except FileNotFoundError:
            return


def open_folder(name: str, *, dir_fd: int) -> int:
    """Opens a folder. Raises InTheWayError if it is not a folder or is a symbolic link; OSError."""
    try:
        return patiently(lambda: os.open(name, _FOLDER, dir_fd=dir_fd))
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP, errno.EMLINK}:
            found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
            raise _in_the_way(name, found, wanted="folder") from None
        raise


@contextmanager
def entries_of(fd: int) -> "Iterator[Iterator[os.DirEntry[str]]]":
    """Lists a folder, given a descriptor that may be shared between threads. Raises OSError.

    A descriptor and its duplicates share a read position, so that two readers would each see only some
    of the entries. So the folder is opened again.
    """
    own = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        with os.scandir(own) as entries:
            yield entries
    finally:
        os.close(own)


def hard_link_error(name: Name) -> InTheWayError:
    """The error for writing to a file that has several hard links."""
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

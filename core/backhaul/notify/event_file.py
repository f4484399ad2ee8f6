"""The output for events: a file, a named pipe, or stdout. Never blocks on a reader."""

import errno
import os
import select
import stat
from pathlib import Path
from typing import Final

from backhaul.errors import DiskError
from backhaul.oserrors import describe

_WRITE: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW: Final = os.O_APPEND | os.O_CREAT
_PIECE: Final = 4096  # bytes that a pipe takes without blocking once it is writable (PIPE_BUF)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class EventFile:
    """A file that is appended to, or a pipe that waits for its reader.

    Args:
        name: a file, which is created if necessary, or a named pipe.
        fd: an open descriptor, to be written to instead; closed with this.

    Attributes:
        waits: why nothing could be written last time.

    Raises:
        DiskError: it cannot be opened for writing.
    """

    def __init__(self, name: str, *, fd: int | None = None) -> None:
        self.name = name
        self._fd = fd
        self._left = b""  # accepted, but not written yet
        self.waits = ""
        if fd is None:
            self._open()

    def _open(self) -> int | None:
        """Opens the file; None for a named pipe without a reader. Raises DiskError."""
        try:
            self._fd = os.open(self.name, _WRITE | _NEW, 0o666)
        except OSError as error:
            if error.errno == errno.ENXIO and stat.S_ISFIFO(Path(self.name).stat().st_mode):
                return None
            raise DiskError(f"--events {self.name}: {describe(error, Path(self.name))}") from None
        if _ends_within_a_line(self.name):
            self._left = b"\n"
        return self._fd

    def add(self, data: bytes) -> None:
        """Adds lines for ``write``."""
        self._left += data

    def write(self, patience: float) -> bool:
        """Writes what was added; False if some is left because of the reader or a full disk.

        Args:
            patience: seconds to wait for the reader.

        Raises:
            OSError: nothing more can be written.
            DiskError: a named pipe can no longer be opened.
        """
        fd = self._open() if self._fd is None else self._fd
        if fd is None:
            self.waits = "has no reader"
            return False
        whole = stat.S_ISREG(os.fstat(fd).st_mode)
        waiting = select.poll()
        waiting.register(fd, select.POLLOUT)
        while self._left:
            self.waits = "is not being read"
            if not waiting.poll(patience * 1000):
                return False
            try:
                written = os.write(fd, self._left if whole else self._left[:_PIECE])
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self.waits = f"cannot be written: {describe(error)}"
                return False
            self._left = self._left[written:]
        return True

    def close(self) -> None:
        """Closes the file. Raises OSError."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _ends_within_a_line(name: str) -> bool:
    """Whether a file ends without a line break, because an earlier run was killed."""
    try:
        if not stat.S_ISREG(Path(name).stat().st_mode):
            return False
        with Path(name).open("rb") as file:
            return (
                file.seek(0, os.SEEK_END) > 0
                and file.seek(-1, os.SEEK_END) >= 0
                and file.read(1) != b"\n"
            )
    except OSError:  # it cannot be read, only written
        return False

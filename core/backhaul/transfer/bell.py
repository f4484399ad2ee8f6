"""Wakes a thread that waits for sockets."""

import os
from contextlib import suppress


class Bell:
    """A pipe that is readable after it was rung.

    Attributes:
        fd: the descriptor to wait for.
    """

    def __init__(self) -> None:
        self.fd, self._in = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._in, False)

    def ring(self) -> None:
        """Wakes the thread; callable from any thread and from signal handlers."""
        with suppress(OSError):  # a full pipe wakes too; a closed one has no reader
            os.write(self._in, b"!")

    def silence(self) -> None:
        """The thread is awake."""
        with suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self._in)
        os.close(self.fd)

"""A worker process as seen by the driver's process."""

import logging
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from backhaul.transfer.processes.fork_server import ForkServer, start_program
from backhaul.transfer.processes.frames import Frames, frame
from backhaul.transfer.processes.work import needed
from backhaul.transfer.processes.worker_handle import WorkerHandle

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_BLOCK: Final = 1 << 20


class WorkerProcess(WorkerHandle):
    """Starts a worker process and sends messages to it, without ever waiting for it.

    Args:
        number: of the worker; for messages.
        settings: the user's, with this worker's share of all limits.
        start: number of connections to start with, per origin.
        server: forks it; None to start a program.
    """

    def __init__(
        self, number: int, settings: "Settings", *, start: int, server: ForkServer | None
    ) -> None:
        super().__init__(number)
        self._frames = Frames()
        self._unsent = bytearray()
        self.line, theirs = socket.socketpair()
        with theirs:
            self.line.setblocking(False)
            try:
                self._process = _started(server, theirs)
            except BaseException:
                self.line.close()
                raise
        level = logging.getLogger().getEffectiveLevel()
        self.send("start", needed(settings), settings.connections, start, level)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, *message: Any) -> None:
        """Sends a message, now or once the socket is writable. Raises what pickle raises."""
        self._unsent += frame(message)
        self.flush()

    @property
    def is_waiting(self) -> bool:
        """Whether anything is left to send."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Sends as much as the socket accepts."""
        try:
            while self._unsent:
                del self._unsent[: self.line.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it has ended, which is detected when its last messages are read
            self._unsent.clear()

    def receive(self) -> Iterator[tuple[Any, ...]]:
        """Yields the messages that have arrived. Raises EOFError after the last one."""
        while True:
            try:
                data = self.line.recv(_BLOCK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                raise EOFError
            yield from self._frames.feed(data)

    def end(self) -> int:
        """Terminates the process, if it is still running; returns its exit code, or minus the signal."""
        self.line.close()
        return self._process.end()


class _Program:
    """A worker that was started as a program."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid

    def end(self) -> int:
        with suppress(OSError):
            self._process.kill()
        return self._process.wait()


class _Fork:
    """A worker that was forked. Raises OSError if that is not possible."""

    def __init__(self, server: ForkServer, line: socket.socket) -> None:
        self._server = server
        self._number = server.fork(line)

    @property
    def pid(self) -> int:
        return self._server.pid(self._number)

    def end(self) -> int:
        return self._server.end(self._number)


def _started(server: ForkServer | None, line: socket.socket) -> _Program | _Fork:
    if server is not None:
        with suppress(OSError):  # it was killed
            return _Fork(server, line)
    return _Program(start_program(line, carries_out=True))

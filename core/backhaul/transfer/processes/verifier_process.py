"""A process that verifies a part, as seen by the process that writes the part."""

import select
import socket
from typing import Any, Final

from backhaul.transfer.processes.fork_server import ForkServer
from backhaul.transfer.processes.frames import Frames, frame
from backhaul.transfer.verifiers import Rules
from backhaul.types import Content
from backhaul.verify.fault import VerifyFault

_BLOCK: Final = 1 << 20
_BEHIND: Final = 4 << 20  # bytes it may be behind: the most that the end of a file waits for


class VerifierDied(Exception):  # noqa: N818 - the caller verifies the part itself
    """The process has ended without a result."""


class VerifierProcess:
    """Starts a process that verifies a part. Raises OSError.

    Args:
        server: forks it.
        part: the part's descriptor.
        rules: see Rules.
    """

    def __init__(self, server: ForkServer, part: int, rules: Rules) -> None:
        self._server = server
        self._frames = Frames()
        self._told = self._read = 0
        self._result: tuple[Any, ...] | None = None
        self._line, theirs = socket.socketpair()
        try:
            with theirs:
                self._number = server.fork(theirs, verifies=True)
            socket.send_fds(self._line, [frame(("begin", rules))], [part])
        except BaseException:
            self._line.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)

    def ready(self, wait: float) -> bool:
        """Whether it has nearly caught up, perhaps after some seconds. Raises VerifierDied."""
        self._receive(0.0)
        if self._told - self._read > _BEHIND and self._result is None:
            self._receive(wait)
        return self._told - self._read <= _BEHIND or self._result is not None

    def read_to(self, size: int) -> None:
        """The part has this many bytes. Raises VerifyFault, OSError or VerifierDied."""
        self._receive(0.0)
        if self._result is not None:
            self._raise(self._result)
        self._told = size
        self._send("read", size)

    def finish(self) -> Content:
        """Waits for the result. Raises VerifyFault, OSError or VerifierDied."""
        if self._result is None:
            self._send("end")
        while self._result is None:
            self._receive(None)
        if self._result[0] != "content":
            self._raise(self._result)
        content: Content = self._result[1]
        return content

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self._line.close()
        self._server.end(self._number)

    def _send(self, *message: Any) -> None:
        try:
            self._line.sendall(frame(message))
        except OSError:
            while self._result is None:  # it may have found a fault before
                self._receive(None)

    def _receive(self, wait: float | None) -> None:
        """Reads what has arrived, waiting some seconds (None: any time) for more."""
        while self._result is None and self._poll.poll(None if wait is None else 1000 * wait):
            try:
                data = self._line.recv(_BLOCK)
            except OSError:
                data = b""
            if not data:
                raise VerifierDied
            for message in self._frames.feed(data):
                if message[0] == "at":
                    self._read = message[1]
                else:
                    self._result = message
            wait = 0.0

    def _raise(self, result: tuple[Any, ...]) -> None:
        name, *values = result
        raise (VerifyFault if name == "fault" else OSError)(*values)

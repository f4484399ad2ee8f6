"""A worker process as seen by the driver's process."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.processes.frames import Frames, frame
from backhaul.transfer.processes.given import Given
from backhaul.transfer.unit import Counters

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_BLOCK: Final = 1 << 20
# What an Engine needs to know; the rest is not sent.
_SETTINGS: Final = (
    "connect_timeout",
    "connections",
    "connections_per_host",
    "durable",
    "limit_rate",
    "max_file_size",
    "max_inflate_ratio",
    "max_inflated_size",
    "max_line_size",
    "retries",
    "stall_rate",
    "stall_timeout",
    "user_agent",
)


class WorkerProcess:
    """Starts a worker process and sends messages to it, without ever waiting for it.

    Args:
        number: of the worker; for messages.
        settings: the user's, with this worker's share of all limits.
        start: number of connections to start with, per origin.

    Attributes:
        ready: it has started.
        given: its transfers.
        begun: jobs that were announced to it.
        quiet: those of its jobs that have nothing left to write, and whether it has said so; unasked
            ones are missing.
        counters: as last reported.
    """

    def __init__(self, number: int, settings: "Settings", *, start: int) -> None:
        self.number = number
        self.ready = False
        self.given = Given()
        self.begun: set[str] = set()
        self.quiet: dict[str, bool] = {}
        self.counters = Counters()
        self._frames = Frames()
        self._unsent = bytearray()
        self.line, theirs = socket.socketpair()
        with theirs:
            self.line.setblocking(False)
            try:
                self._process = _started(theirs)
            except BaseException:
                self.line.close()
                raise
        level = logging.getLogger().getEffectiveLevel()
        values = {name: getattr(settings, name) for name in _SETTINGS}
        self.send("start", values, settings.connections, start, level)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, *message: Any) -> None:
        """Sends a message, now or when there is room. Raises what pickle raises."""
        self._unsent += frame(message)
        self.flush()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something left to send."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Sends as much as there is room for."""
        try:
            while self._unsent:
                del self._unsent[: self.line.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it has ended, which is noticed when its last messages are read
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
        """Ends the process, if it has not ended; returns its exit code, or minus the signal."""
        self.line.close()
        with suppress(OSError):
            self._process.kill()
        return self._process.wait()

    # -- its work -----------------------------------------------------------------------------------

    def has_begun(self, job: str) -> bool:
        """Whether a job was announced to it."""
        return job in self.begun

    def begin(self, job: str, context: bytes) -> None:
        """Announces a job; its context is pickled."""
        if job not in self.begun:
            self.begun.add(job)
            self.send("begin", job, context)

    def submit(self, unit: WorkUnit) -> None:
        """Sends a unit."""
        self.quiet.pop(unit.job, None)
        self.send("submit", unit)


def _started(line: socket.socket) -> "subprocess.Popen[bytes]":
    options = ["-P", *(["-X", "utf8"] if sys.flags.utf8_mode else [])]
    words = [sys.executable, *options, "-m", "backhaul.transfer.processes.child"]
    paths = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109 - a string
    return subprocess.Popen(  # noqa: S603 - this program
        [*words, str(line.fileno()), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
        pass_fds=[line.fileno()],
    )

"""A worker process: receives units over a socket and returns outcomes over it.

It ends together with the driver's process, for whatever reason that ends: the kernel kills it, and it also
notices that the socket was closed.
"""

import gc
import logging
import os
import select
import socket
import traceback
from threading import Lock, Thread
from typing import Any, Final, NoReturn

from backhaul.transfer.processes.frames import Frames, frame
from backhaul.transfer.processes.work import EVERY, LogHandler, Work

_BLOCK: Final = 1 << 18
_COLLECT: Final = (200_000, 10, 10)  # transfers create no garbage
_SOON: Final = 0.01  # seconds between checks of work that is about to end


def carry_out(descriptor: int) -> NoReturn:
    """Runs a worker that talks over a socket, in a process without threads."""
    gc.set_threshold(*_COLLECT)
    gc.freeze()
    _Worker(socket.socket(fileno=descriptor)).run()


class _Worker:
    """Carries out what the driver's process sends."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sending = Lock()

    def run(self) -> NoReturn:
        """Follows the messages until ``close`` or the end of the driver's process."""
        frames = Frames()
        try:
            self._follow(frames)
        except BaseException as error:  # noqa: BLE001 - reported to the driver, which ends the run
            self._crashed(error)
        os._exit(0)

    def _follow(self, frames: Frames) -> None:
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        work: Work | None = None
        while True:
            asked = work is not None and work.asked
            ready = poll.poll(1000 * (_SOON if asked else EVERY))
            if ready:
                data = self._line.recv(_BLOCK)
                if not data:
                    os._exit(1)  # the driver is gone
                for name, *values in frames.feed(data):
                    if name == "start":
                        work = self._start(*values)
                    elif work is None or name == "close":
                        if work is not None:
                            self._close(work)
                        return
                    else:
                        work.execute(name, values)
            if work is not None:
                work.look()

    def _start(self, settings: dict[str, Any], connections: int, start: int, level: int) -> Work:
        logging.getLogger().handlers = [LogHandler(self._send)]
        logging.getLogger().setLevel(level)
        work = Work(self._send, self._crashed, settings, connections, start)
        self._send("ready")
        return work

    def _close(self, work: Work) -> None:
        """Ends the transfers once all data is kept; meanwhile shows that it is alive."""
        closing = Thread(target=work.thread.close, name="backhaul-close", daemon=True)
        closing.start()
        while closing.is_alive():
            closing.join(EVERY)
            self._send("alive")
        work.tell()

    def _crashed(self, error: BaseException) -> None:
        self._send("crashed", "".join(traceback.format_exception(error)))
        os._exit(1)

    def _send(self, *message: Any) -> None:
        data = frame(message)
        with self._sending:
            try:
                self._line.sendall(data)
            except OSError:
                os._exit(1)  # the driver is gone

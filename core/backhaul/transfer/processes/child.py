"""A worker process: an Engine that takes units from a socket and returns outcomes over it.

It ends when the driver's process does, whatever ended it: the kernel kills it, and it also notices that
the socket was closed.
"""

import ctypes
import logging
import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from threading import Lock, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from backhaul.transfer.outcome import Done, Outcome
from backhaul.transfer.processes.frames import Frames, frame
from backhaul.transfer.processes.packing import pack
from backhaul.transfer.thread import TransferThread

if TYPE_CHECKING:
    from backhaul.config.settings import Settings
    from backhaul.transfer.unit import Counters

_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
_BLOCK: Final = 1 << 18
_EVERY: Final = 0.1  # seconds between reports of the counters
_SOON: Final = 0.01  # seconds between looks at work that is about to end


def main() -> None:
    """Runs a worker; the arguments are its socket's descriptor and the driver's process id."""
    descriptor, parent = map(int, sys.argv[1:3])
    _die_with(parent)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the driver stops its workers
    os.dup2(2, 1)  # what a plugin prints
    _Worker(socket.socket(fileno=descriptor)).run()


def _die_with(parent: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class _Worker:
    """Carries out what the driver's process sends."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sending = Lock()
        self._asked: set[str] = set()
        self._unable: set[str] = set()
        self._told: object = None
        self._next = 0.0

    def run(self) -> NoReturn:
        """Follows the messages until ``close`` or the end of the driver's process."""
        frames = Frames()
        try:
            self._follow(frames)
        except BaseException as error:  # noqa: BLE001 - told to the driver, which ends the run
            self._crashed(error)
        os._exit(0)

    def _follow(self, frames: Frames) -> None:
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        thread: TransferThread | None = None
        while True:
            ready = poll.poll(1000 * (_SOON if self._asked else _EVERY))
            if ready:
                data = self._line.recv(_BLOCK)
                if not data:
                    os._exit(1)  # the driver is gone
                for name, *values in frames.feed(data):
                    if name == "start":
                        thread = self._start(*values)
                    elif thread is None or name == "close":
                        if thread is not None:
                            self._close(thread)
                        return
                    else:
                        self._obey(thread, name, values)
            if thread is not None:
                self._look(thread)

    def _start(
        self, settings: dict[str, Any], connections: int, start: int, level: int
    ) -> TransferThread:
        logging.getLogger().addHandler(_Handler(self._send))
        logging.getLogger().setLevel(level)
        thread = TransferThread(
            self._deliver,
            self._crashed,
            settings=cast("Settings", SimpleNamespace(**settings)),
            connections=connections,
            start=start,
        )
        self._thread = thread
        self._send("ready")
        return thread

    def _obey(self, thread: TransferThread, name: str, values: list[Any]) -> None:
        if name == "begin":
            job, context = values
            try:
                thread.begin(job, pickle.loads(context))  # noqa: S301 - from the driver's process
            except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises
                self._unable.add(job)
                self._send("unable", job, f"{type(error).__name__}: {error}")
        elif name == "share":
            number, connections, rate = values
            thread.share(connections, rate, lambda: self._send("shared", number))
        elif name == "submit" and values[0].job in self._unable:
            pass  # the driver gives it to another process
        elif name == "quiet":
            self._asked.add(values[0])
        else:
            getattr(thread, name)(*values)

    def _close(self, thread: TransferThread) -> None:
        """Ends the transfers, which takes until all data is kept; shows that it is alive meanwhile."""
        closing = Thread(target=thread.close, name="backhaul-close", daemon=True)
        closing.start()
        while closing.is_alive():
            closing.join(_EVERY)
            self._send("alive")
        self._tell(thread)

    def _look(self, thread: TransferThread) -> None:
        for job in list(self._asked):
            if not thread.at_work(job):
                self._asked.discard(job)
                self._send("quiet", job)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            self._tell(thread)

    def _tell(self, thread: TransferThread) -> None:
        """Reports the counters and how many connections each origin allows, if they have changed."""
        seen = _figures(thread.counters), thread.hosts()
        if seen != self._told:
            self._told = seen
            self._send("figures", *seen)

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Runs on the transfer thread."""
        if not outcomes:
            return
        done: dict[str, list[str]] = {}
        for outcome in outcomes:
            if isinstance(outcome, Done):
                done.setdefault(outcome.transfer.job, []).append(outcome.transfer.file.name)
        for job, names in done.items():
            self._thread.published(job, names)  # what happens next is the driver's business
        self._send("outcomes", pack(outcomes))

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


def _figures(counters: "Counters") -> tuple[Any, ...]:
    """The counters in the order of Counters' attributes."""
    return (
        counters.bytes,
        counters.requests,
        counters.finished,
        counters.retries,
        counters.active,
        dict(counters.by_job),
        dict(counters.held),
    )


class _Handler(logging.Handler):
    """Passes log records to the driver's process, which redacts and writes them."""

    def __init__(self, send: Callable[..., None]) -> None:
        super().__init__()
        self._told = send

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record as plain values."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._told("log", record.name, record.levelno, text, record.created)


if __name__ == "__main__":
    main()

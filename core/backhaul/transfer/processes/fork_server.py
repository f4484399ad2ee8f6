"""A single-threaded process from which workers are forked, each in milliseconds.

A process with threads must not fork, and a run has threads. So it starts this program once, which
imports what a worker needs, and then forks. On systems other than Linux, each worker runs this program by itself.
"""

import ctypes
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import Final, NoReturn

log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
_MESSAGE: Final = struct.Struct("!cI")  # what to do, the worker's number
_ANSWER: Final = struct.Struct("!i")
_FORK, _VERIFY, _PID, _END = b"f", b"v", b"p", b"e"
_UNKNOWN: Final = 1  # exit code of a worker that could not be forked


def start_program(line: socket.socket, *, carries_out: bool = False) -> "subprocess.Popen[bytes]":
    """Starts a fork server that communicates over a socket. Raises OSError.

    ``carries_out``: a single worker instead, see ``child``.
    """
    options = ["-P", *(["-X", "utf8"] if sys.flags.utf8_mode else [])]
    paths = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109 - a string
    # Ctrl-C reaches it too: it must not print a traceback before it ignores the signal.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        return subprocess.Popen(  # noqa: S603 - this program
            [
                sys.executable,
                *options,
                "-m",
                __name__,
                *map(str, [line.fileno(), os.getpid(), int(carries_out)]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            pass_fds=[line.fileno()],
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


class ForkServer:
    """Starts a fork server. Raises OSError.

    It ends together with the process that started it, and so do its workers, whatever the reason.
    """

    def __init__(self) -> None:
        self._started = 0
        self._lock = Lock()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = start_program(theirs)
            except BaseException:
                self._line.close()
                raise

    def fork(self, line: socket.socket, *, verifies: bool = False) -> int:
        """Starts a worker that communicates over a socket; returns its number. Raises OSError.

        ``verifies``: it verifies one part, see ``verifying``; else it carries out transfers, see ``child``.
        """
        what = _VERIFY if verifies else _FORK
        with self._lock:
            self._started += 1
            socket.send_fds(self._line, [_MESSAGE.pack(what, self._started)], [line.fileno()])
            return self._started

    def pid(self, number: int) -> int:
        """A worker's process id. Raises OSError if there is none."""
        return self._ask(_PID, number)

    def end(self, number: int) -> int:
        """Terminates a worker, if it is still running; returns its exit code, or minus the signal."""
        try:
            return self._ask(_END, number)
        except OSError:
            return -signal.SIGKILL  # the fork server is gone, and with it all workers

    def _ask(self, what: bytes, number: int) -> int:
        with self._lock:
            self._line.send(_MESSAGE.pack(what, number))
            answer = self._line.recv(_ANSWER.size)
        if not answer:
            raise ProcessLookupError("the fork server has ended")
        found: int = _ANSWER.unpack(answer)[0]
        return found

    def close(self) -> None:
        """Terminates the fork server and all its workers."""
        self._line.close()
        with suppress(OSError):
            self._process.kill()
        self._process.wait()


class SharedForkServer:
    """A fork server that starts when it is first needed; used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked = False
        self._server: ForkServer | None = None

    def start(self) -> ForkServer | None:
        """The fork server; None if the system does not support it."""
        with self._lock:
            if not self._asked and sys.platform == "linux":
                try:
                    self._server = ForkServer()
                except OSError as error:  # no more processes, or descriptors
                    log.debug("no fork server: %s", error)
            self._asked = True
            return self._server

    def close(self) -> None:
        """Terminates the fork server, if it was started, and all its workers."""
        with self._lock:
            self._asked = True
            if self._server is not None:
                self._server.close()


# -- in the fork server ---------------------------------------------------------------------------


def main() -> None:
    """Runs a fork server, or a worker; the arguments are those of ``start_program``."""
    descriptor, parent, carries_out = map(int, sys.argv[1:4])
    belong_to(parent)
    from backhaul import hookspecs, options  # noqa: PLC0415 - every plugin imports them
    from backhaul.transfer.processes import child, verifying  # noqa: PLC0415 - only where workers are forked

    del hookspecs, options, verifying
    if carries_out:
        child.carry_out(descriptor)
    _follow(socket.socket(fileno=descriptor))


def belong_to(parent: int) -> None:
    """Ends this process together with its parent, which alone handles signals from users and writes to stdout."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # for the output of plugins
    os.close(null)


def _follow(line: socket.socket) -> None:
    pids: dict[int, int] = {}
    while True:
        data, descriptors, _, _ = socket.recv_fds(line, _MESSAGE.size, 1)
        if not data:
            return
        what, number = _MESSAGE.unpack(data)
        if what in {_FORK, _VERIFY}:
            pids[number] = _forked(line, descriptors[0], verifies=what == _VERIFY)
        elif what == _PID:
            line.send(_ANSWER.pack(pids.get(number, 0)))
        elif what == _END:
            line.send(_ANSWER.pack(_ended(pids.pop(number, 0))))


def _forked(line: socket.socket, descriptor: int, *, verifies: bool) -> int:
    """Forks a worker; returns its process id, or 0 if no more processes can be created."""
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        pid = 0
    else:
        if pid == 0:
            _work(line, descriptor, parent, verifies=verifies)
    os.close(descriptor)
    return pid


def _work(line: socket.socket, descriptor: int, parent: int, *, verifies: bool) -> NoReturn:
    try:
        line.close()
        belong_to(parent)
        from backhaul.transfer.processes import child, verifying  # noqa: PLC0415 - see main

        (verifying.carry_out if verifies else child.carry_out)(descriptor)
    finally:
        os._exit(1)


def _ended(pid: int) -> int:
    """Terminates a worker and returns its exit code, or minus the signal."""
    if pid == 0:
        return _UNKNOWN
    os.kill(pid, signal.SIGKILL)  # its process id is not reused before it is waited for
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()

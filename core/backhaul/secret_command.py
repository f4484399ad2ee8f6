"""Runs the command that prints a secret. It ends with this process, together with its own child processes."""

import atexit
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from backhaul.children import has_ended

_NAP: Final = 0.1  # seconds
_GRACE: Final = 1.0  # seconds between SIGTERM and SIGKILL
_running: set["_Command"] = set()
_change: Final = threading.Lock()


def output_of(
    words: Sequence[str], folder: Path, *, most: int, patience: float
) -> tuple[bytes, int | None]:
    """What a command prints, and its exit code; the code is None if it prints more than ``most`` bytes.

    The command can prompt on the terminal.

    Args:
        words: the program and its arguments.
        folder: where it runs.
        most: bytes of output after which it is ended.
        patience: seconds after which it is ended.

    Raises:
        TimeoutError: it did not end in time.
        OSError, ValueError: it cannot be run.
    """
    command = _Command(words, folder)
    try:
        return command.read(time.monotonic() + patience, most)
    finally:
        command.end()


def end_all() -> None:
    """End all commands that are running; this process is about to exit."""
    with _change:
        found = list(_running)
    for each in found:
        each.end()


def terminate_all() -> None:
    """Send SIGTERM to all commands that are running; safe in a signal handler."""
    for each in list(_running):
        each.send(signal.SIGTERM)


def _forget() -> None:
    """In a forked process: the commands belong to the process that started them."""
    _running.clear()
    _change.release()


atexit.register(end_all)
os.register_at_fork(before=_change.acquire, after_in_parent=_change.release, after_in_child=_forget)


class _Command:
    def __init__(self, words: Sequence[str], folder: Path) -> None:
        # In a process group of its own it could not read from the terminal.
        self._leads = not _is_in_foreground()
        with _change:  # so that ``end_all`` does not miss it
            self._process = subprocess.Popen(  # noqa: S603 - the user's own program, without a shell
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                cwd=folder,
                process_group=0 if self._leads else None,
            )
            _running.add(self)
        self._ending = threading.Lock()

    def read(self, deadline: float, most: int) -> tuple[bytes, int | None]:
        """See ``output_of``."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - a pipe was asked for
        looking = select.poll()
        looking.register(stdout, select.POLLIN)
        found = bytearray()
        while len(found) <= most:
            if time.monotonic() >= deadline:
                raise TimeoutError
            ended = has_ended(self._process.pid)
            if looking.poll(0 if ended else _NAP * 1000):
                block = os.read(stdout.fileno(), most)
                if not block and self._has_ended_by(deadline):
                    return bytes(found), self._process.wait()
                found += block
            elif ended:  # a process that it started still holds the pipe
                return bytes(found), self._process.wait()
        return bytes(found), None

    def end(self) -> None:
        """End it and the processes that it has started; does nothing if it has ended."""
        with self._ending:
            if self._process.returncode is None:
                self.send(signal.SIGTERM)
                self._has_ended_by(time.monotonic() + _GRACE)
                self.send(signal.SIGKILL)
                self._process.wait()
            _close(self._process.stdout)
        _running.discard(self)

    def send(self, number: int) -> None:
        """Send a signal to it and the processes that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            if self._leads:
                os.killpg(self._process.pid, number)
            else:
                os.kill(self._process.pid, number)

    def _has_ended_by(self, deadline: float) -> bool:
        while not has_ended(self._process.pid):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_NAP / 10)
        return True


def _is_in_foreground() -> bool:
    """Whether this process is in the foreground of a terminal, where Ctrl-C reaches the command as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()

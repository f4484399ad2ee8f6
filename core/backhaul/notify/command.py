"""Runs a user's command without a shell, with a time limit, and logs its output."""

import logging
import os
import select
import signal
import string
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from backhaul.children import has_ended
from backhaul.foreign import line
from backhaul.oserrors import describe
from backhaul.wording import span

log = logging.getLogger(__name__)

_NAP: Final = 0.1  # seconds between checks of the time limit
_GRACE: Final = 1.0  # seconds between SIGTERM and SIGKILL
_READ: Final = 1 << 16
_LONGEST: Final = 1 << 13  # bytes of a line
_LINES: Final = 1000  # of a command's output that are logged
_LATE: Final = 1 << 20  # bytes of output that are read after the command has ended


@dataclass(frozen=True, slots=True)
class Command:
    """A command as configured.

    Attributes:
        words: the program and its arguments, with fields as ``{name}``.
        folder: where it runs.
        timeout: seconds until it is terminated.
    """

    words: Sequence[str]
    folder: Path
    timeout: float

    def run(
        self,
        label: str,
        fields: Mapping[str, object],
        stdin: IO[bytes],
        *,
        stopped: Callable[[], bool],
    ) -> str | None:
        """Runs the command to its end.

        Args:
            label: of its lines in the log.
            fields: the values of the fields.
            stdin: a file that is read from its beginning.
            stopped: whether to terminate the command early; checked ten times a second.

        Returns:
            what went wrong, or None.
        """
        words = [filled(word, fields) for word in self.words]
        try:
            stdin.flush()
            stdin.seek(0)
            process = subprocess.Popen(  # noqa: S603 - the user's own program, without a shell
                words,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                process_group=0,
            )
        except (OSError, ValueError) as error:
            why = describe(error) if isinstance(error, OSError) else error
            return f"{words[0]} cannot be run: {why}"
        with _Running(process, label) as running:
            return running.until_end(time.monotonic() + self.timeout, stopped) or _problem(
                words[0], process.returncode, running, self.timeout
            )


class _Running:
    """A running command. Leaving the context terminates it and all processes of its group."""

    def __init__(self, process: subprocess.Popen[bytes], label: str) -> None:
        self._process = process
        self._label = label
        self._rest = b""
        self._lines = 0
        self.last = ""
        self.late = False
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._output = process.stdout
        os.set_blocking(self._output.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._end()
        self._output.close()

    def until_end(self, deadline: float, stopped: Callable[[], bool]) -> str | None:
        """Logs the output until the command has ended; returns why it had to be terminated early."""
        looking = select.poll()
        looking.register(self._output, select.POLLIN)
        open_ = True
        while not has_ended(self._process.pid):
            if stopped():
                self._end()
                return f"{_program(self._process)} was terminated because the run was stopped"
            if time.monotonic() >= deadline:
                self.late = True
                break
            if not open_:
                time.sleep(_NAP)
            elif looking.poll(_NAP * 1000):
                open_ = self._read() is not None
        if self.late:
            self._end()
        else:
            self._process.wait()
        self._read_rest()
        return None

    def _end(self) -> None:
        self._send(signal.SIGTERM)
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and not has_ended(self._process.pid):
            time.sleep(_NAP / 2)
        self._send(signal.SIGKILL)
        self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or runs as another user
            os.killpg(self._process.pid, number)

    def _read(self) -> int | None:
        """Logs the available output; returns its size, None at the end of the output."""
        try:
            data = os.read(self._output.fileno(), _READ)
        except BlockingIOError:
            return 0
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._lines > _LINES:  # of these, only the last one can still be reported
            lines = [each for each in lines if each.strip()][-1:]
        for each in lines:
            self._log(each)
        if len(self._rest) > _LONGEST:
            self._log(self._rest)
            self._rest = b""
        return len(data) or None

    def _read_rest(self) -> None:
        """Logs the end of the output; a process left behind may hold it open."""
        size = 0
        while size < _LATE and (more := self._read()):
            size += more
        if self._rest:
            self._log(self._rest)

    def _log(self, text: bytes) -> None:
        output = line(text[:_LONGEST])
        if not output:
            return
        self.last = output
        self._lines += 1
        if self._lines <= _LINES:
            log.info("%s: %s", self._label, output)
        elif self._lines == _LINES + 1:
            log.info("%s: further output is not logged", self._label)


def filled(word: str, fields: Mapping[str, object]) -> str:
    """A word with its fields replaced; fields in the values are not expanded."""
    return "".join(
        literal + ("" if name is None else str(fields[name]))
        for literal, name, _, _ in string.Formatter().parse(word)
    )


def _program(process: subprocess.Popen[bytes]) -> str:
    words = process.args
    return str(words[0]) if isinstance(words, list) else str(words)


def _problem(program: str, code: int, running: _Running, timeout: float) -> str | None:
    if running.late:
        problem = f"{program} did not end within {span(timeout)}"
    elif code < 0:
        problem = f"{program} was killed by {_signal(-code)}"
    elif code:
        problem = f"{program} failed with exit code {code}"
    else:
        return None
    return f"{problem}: {running.last[:200]}" if running.last else problem


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

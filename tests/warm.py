"""Python processes that start fast: forked from one that has already imported what they need.

Most of a process's startup time is imports. ``run`` and ``Popen`` are those of `subprocess` for
``python -c`` and ``python -m``: a process of its own, with its own streams, signals, folder and
environment. With a ``sitecustomize`` on its ``PYTHONPATH``, only libraries are imported already, so that
it can change what backhaul imports. ``python -m dask`` has Dask imported too.

What Python reads only as it starts (its options, the locale) is that of the tests. Where this is
what is tested, or the modules that a command loads, or its memory, use `subprocess`.
"""

import atexit
import io
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

from tests.forker import BACKHAUL, DASK, LIBRARIES, MOST

_FORKER = str(Path(__file__).with_name("forker.py"))
_ASKED = 'ASKED = b""'
_ENVIRONMENT = dict(os.environ)  # of no test: whichever is first starts the process for all
_AT_START = ("LANG", "LC_", "PYTHON")  # environment variables that Python reads as it starts
_LATER = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONIOENCODING")  # these are applied here


def run(
    words: Sequence[object],
    *,
    input: str | bytes | None = None,  # noqa: A002 - as in subprocess.run
    capture_output: bool = False,
    check: bool = False,
    timeout: float | None = None,
    **options: Any,
) -> "subprocess.CompletedProcess[Any]":
    """As ``subprocess.run``."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(words, **options) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.wait(), out, err)
    if check:
        done.check_returncode()
    return done


def ended(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code of Python with these arguments (``-c`` or ``-m`` first); -9 if it was killed.

    Its input is empty, and its output is discarded.
    """
    nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return run([sys.executable, *words], env=environment, **nowhere).returncode


class Popen(subprocess.Popen[Any]):
    """As ``subprocess.Popen``, for the arguments that the tests use."""

    def __init__(
        self,
        args: Sequence[object],
        *,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        cwd: Path | str | None = None,
        env: Mapping[str, str] | None = None,
        text: bool = False,
    ) -> None:
        self.args = [str(word) for word in args]
        environment = dict(os.environ if env is None else env)
        _check(self.args, environment)
        self.returncode = None
        self.stdin = self.stdout = self.stderr = None
        self._ended = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ended.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST)
        self._ended.connect(_warm(_wanted(self.args, environment)))
        given: list[int] = []
        closing: list[int] = []  # the other process's ends
        try:
            for name, wanted in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
                given.append(self._stream(name, wanted, given, closing, text=text))
            order = marshal.dumps([self.args[1:], environment, str(cwd or Path.cwd())])
            socket.send_fds(self._ended, [order], given)
        finally:
            for descriptor in closing:
                os.close(descriptor)
        self.pid = int(self._ended.recv(64))

    def _stream(
        self,
        name: str,
        wanted: int | IO[Any] | None,
        given: list[int],
        closing: list[int],
        *,
        text: bool,
    ) -> int:
        """The descriptor of one of the other process's streams."""
        if wanted is None:
            return ("stdin", "stdout", "stderr").index(name)
        if wanted == subprocess.STDOUT:
            return given[-1]
        if wanted == subprocess.DEVNULL:
            closing.append(os.open(os.devnull, os.O_RDWR))
            return closing[-1]
        if wanted != subprocess.PIPE:
            return wanted if isinstance(wanted, int) else wanted.fileno()
        ends = os.pipe()
        ours, theirs = ends[::-1] if name == "stdin" else ends
        closing.append(theirs)
        mode = "wb" if name == "stdin" else "rb"
        stream: Any = open(ours, mode)  # noqa: SIM115, PTH123 - a descriptor
        setattr(self, name, io.TextIOWrapper(stream, write_through=True) if text else stream)
        return theirs

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
            self._reap()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._reap()
        assert self.returncode is not None
        return self.returncode

    def _reap(self) -> None:
        self.returncode = int(self._ended.recv(64))
        self._ended.close()

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(
        self,
        input: Any = None,  # noqa: A002 - as in subprocess.Popen
        timeout: float | None = None,
    ) -> tuple[Any, Any]:
        ends = None if timeout is None else time.monotonic() + timeout
        found: dict[str, Any] = {}

        def read(name: str, stream: IO[Any]) -> None:
            found[name] = stream.read()
            stream.close()

        streams = {"stdout": self.stdout, "stderr": self.stderr}
        readers = [
            threading.Thread(target=read, args=(name, stream), daemon=True)
            for name, stream in streams.items()
            if stream is not None and not stream.closed
        ]
        for reader in readers:
            reader.start()
        if self.stdin is not None and not self.stdin.closed:
            with suppress(BrokenPipeError):
                if input is not None:
                    self.stdin.write(input)
                self.stdin.close()
        for reader in readers:
            reader.join(None if ends is None else max(0.0, ends - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if ends is None else max(0.0, ends - time.monotonic()))
        return found.get("stdout"), found.get("stderr")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def __del__(self, *_: object) -> None:
        """Nothing: the forking process waits for it."""


def _check(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Refuses what a forked process cannot do."""
    assert words[0] == sys.executable
    assert words[1] in {"-c", "-m"}, words
    for name in {*environment, *os.environ}:
        if name.startswith(_AT_START) and name not in _LATER:
            assert environment.get(name) == os.environ.get(name), f"use subprocess: {name}"


def _wanted(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """What is to be imported already."""
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    if any((Path(folder) / "sitecustomize.py").exists() for folder in folders if folder):
        return LIBRARIES  # code of the test runs before anything of ours
    return DASK if words[1:3] == ["-m", "dask"] else BACKHAUL


@cache
def _warm(imported: str) -> bytes:
    """Where a process that has imported this listens, and forks for each request; it ends with this one."""
    link, theirs = socket.socketpair()
    with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.bind("")  # a name that no other socket has, and that is not a file
        asked.listen()
        numbers = [asked.fileno(), theirs.fileno()]
        process = subprocess.Popen(
            [sys.executable, _FORKER, *map(str, numbers), imported],
            pass_fds=numbers,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        name: bytes = asked.getsockname()

    def end() -> None:
        link.close()
        process.wait()

    atexit.register(end)
    return name


@cache
def commands() -> Path:
    """A folder with a `backhaul` that starts as fast, for a shell's PATH.

    Signals that ask it to end are passed on; SIGKILL ends only the messenger.
    """
    if sys.platform != "linux":
        return Path(sys.executable).parent
    folder = Path(tempfile.mkdtemp(prefix="backhaul-tests-"))
    atexit.register(shutil.rmtree, folder)
    messenger = Path(__file__).with_name("messenger.py").read_text()
    command = folder / "backhaul"
    messenger = messenger.replace(_ASKED, f"ASKED = {_warm(BACKHAUL)!r}")
    command.write_text(f"#!{sys.executable} -IS\n{messenger}")
    command.chmod(0o755)
    return folder


if sys.platform != "linux":
    Popen = subprocess.Popen  # type: ignore[assignment,misc]
    run = subprocess.run  # type: ignore[assignment]

"""Python processes that start fast: forked from one that has imported the libraries, but not backhaul.

Most of a process's startup time is importing libraries. Whatever changes a process before it imports
backhaul, such as a ``sitecustomize``, works here too.
"""

import atexit
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

_MOST = 1 << 20  # maximum bytes of a request
_LIBRARIES = (
    "asyncio", "concurrent.futures", "ctypes", "http.cookiejar", "importlib.metadata", "isal.isal_zlib", "msgspec",
    "multiprocessing", "pluggy", "pycurl", "pydantic.types", "requests", "sqlite3", "typer._adapters", "typer.main",
    "urllib.request", "uuid", "yaml",
)  # fmt: skip


def ended(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code of Python with these arguments (``-c`` or ``-m`` first); -9 if it was killed.

    Its input is empty, and its output is discarded.
    """
    link = _warm()
    link.send(json.dumps([list(words), dict(environment), str(Path.cwd())]).encode())
    return int(link.recv(64))


@cache
def _warm() -> socket.socket:
    """The connection to the forking process, which ends with the connection."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(link: socket.socket) -> None:
    while order := link.recv(_MOST):
        pid = os.fork()
        if pid == 0:
            link.close()
            _become(*json.loads(order))
            return
        _, status = os.waitpid(pid, 0)
        link.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(words: list[str], environment: dict[str, str], folder: str) -> None:
    """Does what Python does when started this way."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.modules.pop("sitecustomize", None)
    with suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")
    flag, what, *rest = words
    if flag == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [flag, *rest]
        exec(what, {"__name__": "__main__"})


if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder
    for library in _LIBRARIES:
        with suppress(ImportError):  # of another version
            importlib.import_module(library)
    with socket.socket(fileno=int(sys.argv[1])) as link:
        _serve(link)

"""Becomes Python processes on request, by forking: the other side of ``tests.warm``.

Arguments: the numbers of a socket that listens for requests and of one whose other end is closed when the tests
end, and what to import first (``LIBRARIES``, ``BACKHAUL`` or ``DASK``).
"""

import gc
import importlib
import importlib.metadata
import io
import marshal
import os
import runpy
import selectors
import socket
import sys
import time
import types
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

LIBRARIES, BACKHAUL, DASK = "libraries", "backhaul", "dask"
MOST = 1 << 20  # maximum bytes of a request
_DESCRIPTORS = 1 << 10  # more than a process has open
_LIBRARIES = (
    "argparse", "asyncio", "concurrent.futures.thread", "ctypes", "encodings.utf_8_sig", "http.cookiejar",
    "importlib.metadata", "isal.isal_zlib", "msgspec", "multiprocessing", "obstore.store", "pluggy", "pycurl",
    "pydantic.types", "requests", "sqlite3", "typer._adapters", "typer.main", "urllib.request", "uuid", "yaml",
)  # fmt: skip
_OURS = (
    "backhaul.api", "backhaul.archive.compare", "backhaul.archive.gaps", "backhaul.archive.known_files",
    "backhaul.archive.reading", "backhaul.archive.status", "backhaul.archive.verify", "backhaul.cli.files",
    "backhaul.cli.gaps", "backhaul.cli.main", "backhaul.cli.plan", "backhaul.cli.run", "backhaul.cli.status",
    "backhaul.cli.verify", "backhaul.notify.problems", "backhaul.run.driver", "backhaul.run.feed",
    "backhaul.run.plan", "backhaul.run.prepare", "backhaul.run.progress", "backhaul.storage.object_store",
    "backhaul.transfer.engine", "backhaul.transfer.processes.pool", "backhaul.transfer.thread",
    "backhaul.verify.parquet", "backhaul.verify.verifier", "backhaul.views",
)  # fmt: skip
_DASK = (
    "backhaul.transfer.cluster.pool", "backhaul.transfer.cluster.worker", "dask.cli", "distributed.cli.dask_scheduler",
    "distributed.cli.dask_worker", "distributed.http.scheduler.api", "distributed.http.worker.prometheus",
)  # fmt: skip
_IMPORTED = {
    LIBRARIES: _LIBRARIES,
    BACKHAUL: _LIBRARIES + _OURS,
    DASK: _LIBRARIES + _OURS + _DASK,
}


def _serve(asked: socket.socket, link: socket.socket) -> None:
    """Forks for each connection, until the other end of the link is closed.

    A request is sent with three standard streams. The answers are the process's number and, when it has
    ended, its exit code.
    """
    gc.collect()
    gc.freeze()  # what is shared with the forked processes stays shared
    with selectors.DefaultSelector() as events:
        events.register(link, selectors.EVENT_READ)
        events.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in events.select():
                if key.fileobj is link:
                    return
                if key.fileobj is not asked:
                    events.unregister(key.fileobj)
                    _report(key.fd, *key.data)
                    continue
                connection, _ = asked.accept()
                order, streams, *_ = socket.recv_fds(connection, MOST, 3)
                asking = connection.detach()  # what a forked process closes are numbers
                if not order:  # it was killed before it could say what it wants
                    os.close(asking)
                    continue
                pid = os.fork()
                if pid == 0:
                    events.close()
                    asked.close()
                    link.close()
                    _become(*marshal.loads(order), streams)
                    return
                for stream in streams:
                    os.close(stream)
                events.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, asking))
                with suppress(ConnectionError):  # it was killed
                    os.write(asking, b"%d" % pid)


def _report(process: int, pid: int, asking: int) -> None:
    """Tells who asked for a process how it ended."""
    _, status = os.waitpid(pid, 0)
    with suppress(ConnectionError):  # it was killed
        os.write(asking, b"%d" % os.waitstatus_to_exitcode(status))
    os.close(asking)
    os.close(process)


def _become(words: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> None:
    """Does what Python does when started this way."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
    os.closerange(3, _DESCRIPTORS)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        _reopen(place, name, environment)
    flag, what, *rest = words
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path.insert(0, folder if flag == "-m" else "")
    sys.modules.pop("sitecustomize", None)
    with suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")
    if flag == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [flag, *rest]
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)


def _reopen(place: int, name: str, environment: Mapping[str, str]) -> None:
    """Opens a standard stream."""
    before = getattr(sys, name)
    encoding, _, errors = environment.get("PYTHONIOENCODING", "").partition(":")
    writes = name != "stdin"
    buffered = not (writes and environment.get("PYTHONUNBUFFERED"))
    binary: Any = open(  # noqa: SIM115 - a descriptor
        place, "wb" if writes else "rb", buffering=-1 if buffered else 0, closefd=False
    )
    text = io.TextIOWrapper(
        binary,
        encoding=encoding or before.encoding,
        errors=before.errors if name == "stderr" else errors or before.errors,
        newline="\n",
        line_buffering=buffered and (name == "stderr" or os.isatty(place)),
        write_through=not buffered,
    )
    text.mode = "w" if writes else "r"
    setattr(sys, name, text)
    setattr(sys, f"__{name}__", text)


def _main(asked: str, link: str, imported: str) -> None:
    sys.path.pop(0)  # this file's folder
    for module in _IMPORTED[imported]:
        with suppress(ImportError):  # of another version
            importlib.import_module(module)
    if imported != LIBRARIES:
        for provider in importlib.metadata.entry_points(group="backhaul.providers"):
            provider.load()
    with socket.socket(fileno=int(asked)) as listens, socket.socket(fileno=int(link)) as tests:
        _serve(listens, tests)


if __name__ == "__main__":
    _main(*sys.argv[1:])

"""Loaded by a Python that a test starts on Linux: it lacks what macOS lacks, and has what macOS has instead.

Each F_FULLFSYNC adds a byte to the file FULL_SYNCS.

The standard library, and what asks it for the system, has been imported by then. It remains Linux's.
"""

# ruff: noqa: F401 - imported because they look at the platform
import asyncio
import ctypes.util
import fcntl
import logging.handlers
import multiprocessing.util
import os
import platform
import select
import selectors
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
import uuid
import webbrowser
from pathlib import Path
from typing import Any

import certifi
import pycurl
import requests

sysconfig.get_config_vars()

_FULL_SYNC, _NO_CACHE = 51, 48  # F_FULLFSYNC, F_NOCACHE
_PROC, _ADD, _ONE_SHOT, _EXIT = -5, 0x1, 0x10, 0x80000000  # of kevent

_fcntl, _waitid = fcntl.fcntl, os.waitid


def _control(fd: int, command: int, argument: Any = 0) -> Any:
    if command == _FULL_SYNC:
        os.fsync(fd)
        with Path(os.environ["FULL_SYNCS"]).open("ab", 0) as counted:
            counted.write(b".")
        return 0
    return 0 if command == _NO_CACHE else _fcntl(fd, command, argument)


class _Queue:
    """Knows whether a child process has ended."""

    def control(
        self, events: list[tuple[int, int, int, int]], _most: int, _timeout: float
    ) -> list[Any]:
        ((pid, kind, flags, what),) = events
        assert (kind, flags, what) == (_PROC, _ADD | _ONE_SHOT, _EXIT)
        found = _waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return [] if found is None else [found]

    def close(self) -> None:
        pass


def _kevent(ident: int, kind: int, flags: int, what: int) -> tuple[int, int, int, int]:
    return ident, kind, flags, what


for module, names in {
    os: (
        "pipe2",
        "fdatasync",
        "waitid",
        "posix_fadvise",
        "posix_fallocate",
        "sched_getaffinity",
        "copy_file_range",
    ),
    select: ("epoll",),
    signal: ("sigwaitinfo", "sigtimedwait"),
}.items():
    for name in names:
        delattr(module, name)
for module, values in {
    fcntl: {"fcntl": _control, "F_FULLFSYNC": _FULL_SYNC, "F_NOCACHE": _NO_CACHE},
    select: {
        "kqueue": _Queue,
        "kevent": _kevent,
        "KQ_FILTER_PROC": _PROC,
        "KQ_EV_ADD": _ADD,
        "KQ_EV_ONESHOT": _ONE_SHOT,
        "KQ_NOTE_EXIT": _EXIT,
    },
}.items():
    for name, value in values.items():
        setattr(module, name, value)
sys.platform = "darwin"

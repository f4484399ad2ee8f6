"""File descriptors: the process's limit, how it is shared out, and what to do when they run out.

Running out is temporary, and not the fault of a disk or host: code that runs out waits and retries, and
fewer connections and jobs are started.
"""

import errno
import logging
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from backhaul.errors import BackhaulError, ExitCode, FailureKind

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 30.0  # seconds before giving up a job that gets none
_ERRORS = frozenset({errno.EMFILE, errno.ENFILE})
_USUAL = 1 << 16  # more than any run uses; some systems report no limit
_MAC = 10_240  # the most that macOS allows by default, though it reports no limit
_MOST_JOBS = 64  # at a time; each has a thread
_SPARE = 24  # for the interpreter, plugins and briefly opened files
_DESTINATION = 5  # the ledger's three files, the folder and one opened next to it
_CONNECTION = 4  # the socket, the part, its sidecar and a name lookup
_JOB = 6  # lock file, folder, some subfolders, connections to the provider's API
_PROBE = 8
_NAPS = 40
_NAP = 0.05  # seconds


class ScarceError(BackhaulError):
    """The process has no file descriptors left; nothing was done."""

    exit_code = ExitCode.UNREACHABLE
    kind = FailureKind.TIMEOUT

    def __init__(self) -> None:
        super().__init__("too many open files; raise `ulimit -n` or lower --connections")


class Shares(NamedTuple):
    """How many jobs may run and how many connections may be open at a time."""

    jobs: int
    connections: int


def raise_limit() -> None:
    """Raises the soft limit on open files to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _USUAL if hard == resource.RLIM_INFINITY else min(hard, _USUAL)
    for wanted in (most, _MAC):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with suppress(OSError, ValueError):  # the kernel's limit is lower
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


def shares(connections: int, destinations: int, *, warn: bool = True) -> Shares:
    """Divides the descriptor limit, half for jobs and half for connections.

    Args:
        connections: the number requested.
        destinations: the number the jobs use.
        warn: log a warning if there are fewer connections than requested.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _USUAL if soft == resource.RLIM_INFINITY else soft
    many = destinations > _MOST_JOBS // 8
    left = limit - _open() - _SPARE - (0 if many else destinations * _DESTINATION)
    half = max(0, left // 2)
    fitting = max(1, half // _CONNECTION)
    if warn and fitting < connections:
        log.warning(
            "only %d open files are allowed: using %d of %d connections; raise `ulimit -n`",
            limit, fitting, connections,
        )  # fmt: skip
    return Shares(
        jobs=max(1, min(_MOST_JOBS, half // (_JOB + (_DESTINATION if many else 0)))),
        connections=min(connections, fitting),
    )


def _open() -> int:
    for place in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return sum(1 for _ in os.scandir(place))
    return 16


def is_scarce(number: int | None) -> bool:
    """Whether an errno means that file descriptors have run out."""
    return number in _ERRORS


def are_scarce() -> bool:
    """Whether few descriptors are left, for errors without an errno."""
    probes: list[int] = []
    try:
        with open(os.devnull, "rb") as file:  # noqa: PTH123 - only the descriptor is needed
            probes.extend(os.dup(file.fileno()) for _ in range(_PROBE))
    except OSError as error:
        return is_scarce(error.errno)
    finally:
        for each in probes:
            os.close(each)
    return False


def patiently(opening: Callable[[], T]) -> T:
    """Calls ``opening``, waiting briefly while no file descriptors are left. Raises OSError."""
    for _ in range(_NAPS):
        try:
            return opening()
        except OSError as error:
            if not is_scarce(error.errno):
                raise
        time.sleep(_NAP)
    return opening()

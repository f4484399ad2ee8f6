"""Open files: how many this process may have, who gets how many, and what to do when they run out.

Running out is no fault of the disk or of a host, and it passes: whoever meets it waits a little and
tries again, and fewer connections and jobs are begun.
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

PATIENCE = 30.0  # seconds until a job that gets none is given up
_ERRORS = frozenset({errno.EMFILE, errno.ENFILE})
_USUAL = 1 << 16  # more than any run uses; some systems call their limit infinite
_MOST_JOBS = 64  # at once, since each has a thread
_SPARE = 24  # of the interpreter, of plugins, and for files that are open for a moment
_DESTINATION = 5  # a ledger of three files, the folder, and what is opened beside it
_CONNECTION = 4  # its socket, the part, its sidecar, a name being resolved
_JOB = 6  # lease, folder, some folders below, connections to the provider's API
_PROBE = 8
_NAPS = 40
_NAP = 0.05  # seconds


class ScarceError(BackhaulError):
    """The process has run out of file descriptors; nothing was done."""

    exit_code = ExitCode.UNREACHABLE
    kind = FailureKind.TIMEOUT

    def __init__(self) -> None:
        super().__init__("too many open files; raise `ulimit -n` or lower --connections")


class Shares(NamedTuple):
    """How many jobs may be under way, and how many connections open, at the same time."""

    jobs: int
    connections: int


def raise_limit() -> None:
    """Lets this process open as many files as the system allows it to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _USUAL if hard == resource.RLIM_INFINITY else min(hard, _USUAL)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # the system knows of a lower limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def shares(connections: int, destinations: int) -> Shares:
    """What fits into the limit of this process, one half for jobs and one for connections.

    Args:
        connections: that are wished for.
        destinations: that the jobs have.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _USUAL if soft == resource.RLIM_INFINITY else soft
    many = destinations > _MOST_JOBS // 8
    left = limit - _open() - _SPARE - (0 if many else destinations * _DESTINATION)
    half = max(0, left // 2)
    fitting = max(1, half // _CONNECTION)
    if fitting < connections:
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
    """Whether an errno says that file descriptors have run out."""
    return number in _ERRORS


def are_scarce() -> bool:
    """Whether hardly any descriptor is left, for errors that do not say which one they are."""
    probes: list[int] = []
    try:
        with open(os.devnull, "rb") as file:  # noqa: PTH123 - a descriptor is all that is wanted
            probes.extend(os.dup(file.fileno()) for _ in range(_PROBE))
    except OSError as error:
        return is_scarce(error.errno)
    finally:
        for each in probes:
            os.close(each)
    return False


def patiently(opening: Callable[[], T]) -> T:
    """Opens something, and waits a moment if file descriptors have run out. Raises OSError."""
    for _ in range(_NAPS):
        try:
            return opening()
        except OSError as error:
            if not is_scarce(error.errno):
                raise
        time.sleep(_NAP)
    return opening()

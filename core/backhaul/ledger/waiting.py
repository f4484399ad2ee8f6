"""Waits for other programs that hold the ledger's lock, and identifies them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from backhaul.errors import LockedError

WRITING = 30.0  # seconds in total
LOOKING = 5.0  # seconds, for read-only commands
_LAST = 1.0  # seconds once the run is stopping
_NAP = 0.02
_STATES = {"T": ", stopped", "t": ", stopped"}


class HeldError(LockedError):
    """Another program holds the lock at the moment; nothing was done, and a retry may succeed."""


class Waiting:
    """Tracks how long others have held a ledger's lock without a break, across calls.

    Args:
        patience: maximum seconds to wait.
        at_once: never wait: raise HeldError, and the caller retries later.
        stopped: whether the run is stopping, which shortens the wait.
    """

    def __init__(
        self,
        patience: float = WRITING,
        *,
        at_once: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._patience = patience
        self._at_once = at_once
        self._stopped = stopped
        self._since: dict[bool, float] = {}

    def free(self, *, writing: bool) -> None:
        """A call succeeded. A successful read does not mean that writing is possible."""
        self._since.pop(writing, None)

    def held(self, path: Path, *, writing: bool) -> None:
        """A call found the database locked: waits briefly.

        Raises:
            HeldError: waiting is not allowed.
            LockedError: waited too long; the message names the holder, if known.
        """
        now = time.monotonic()
        waited = now - self._since.setdefault(writing, now)
        if waited >= self._patience or (waited >= _LAST and self._stopped()):
            who = holder(path) or "another program"
            raise LockedError(f"{path}: locked by {who} for {max(1, round(waited))} seconds")
        if self._at_once:
            raise HeldError(f"{path}: locked by another program")
        time.sleep(_NAP)


def holder(path: Path) -> str:
    """The process that holds the write lock of a ledger; '' if unknown.

    Linux lists all file locks in /proc/locks (see proc(5)). SQLite locks the database itself or, in WAL
    mode, its shared memory file.
    """
    files = {_place(file) for file in (path, path.with_name(f"{path.name}-shm")) if file.exists()}
    for pid in _writers(files):
        if pid != os.getpid():
            return f"process {pid}{_what(pid)}"
    return ""


def _place(file: Path) -> str:
    found = file.stat()
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"


def _writers(files: set[str]) -> Iterator[int]:
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if "->" not in words and "WRITE" in words:
                pid, place = words[words.index("WRITE") + 1 :][:2]
                if place in files and pid.isdigit() and int(pid):
                    yield int(pid)


def _what(pid: int) -> str:
    """The program's name, and whether it is stopped (see proc(5), /proc/PID/stat)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    printable = "".join(each for each in name if each.isprintable())
    return f" ({printable}){_STATES.get(rest.split()[0], '')}"

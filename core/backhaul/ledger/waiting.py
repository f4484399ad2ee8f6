"""How long other programs may hold the ledger, and who they are."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from backhaul.errors import LockedError

WRITING = 30.0  # seconds, in all
LOOKING = 5.0  # seconds, for a command that only looks
_LAST = 1.0  # seconds once the run is to stop
_NAP = 0.02
_STATES = {"T": ", which is stopped", "t": ", which is stopped"}


class HeldError(LockedError):
    """Another program holds the ledger at this moment; nothing was done, and patience is not over."""


class Waiting:
    """Counts how long others have held one ledger without a break, over all calls.

    Args:
        patience: seconds that they may.
        at_once: a call never waits: HeldError is raised, and the caller comes back later.
        stopped: whether the run is to stop: then nothing is waited for much longer.
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
        """A call went through: that one can read does not mean that one can write."""
        self._since.pop(writing, None)

    def held(self, path: Path, *, writing: bool) -> None:
        """A call met another holder: waits a moment.

        Raises:
            HeldError: it is not to wait here.
            LockedError: patience is over; says who holds the ledger, where the system tells.
        """
        now = time.monotonic()
        waited = now - self._since.setdefault(writing, now)
        if waited >= self._patience or (waited >= _LAST and self._stopped()):
            who = holder(path) or "another program"
            raise LockedError(f"{path}: held by {who} for {max(1, round(waited))} seconds")
        if self._at_once:
            raise HeldError(f"{path}: held by another program")
        time.sleep(_NAP)


def holder(path: Path) -> str:
    """The process that keeps others from writing to a ledger; '' where the system does not say.

    Linux lists all locks (see proc(5), /proc/locks). SQLite locks the ledger itself or, in write-ahead
    mode, its shared memory.
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

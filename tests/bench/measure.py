"""Runs a command and measures it: wall time, processor time, memory."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# With vfork, the child's peak memory would start at the peak of this process.
subprocess._USE_VFORK = False  # type: ignore[misc]  # documented as the way to turn it off


class BenchError(Exception):
    """A side of a comparison did not do its work, so its numbers are meaningless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of a command, including its children.

    Attributes:
        wall: seconds.
        cpu: seconds of user and system time.
        memory: peak resident set of the largest process, bytes. The kernel includes the parent's
            memory at the fork, so anything below some 30 MB is invisible.
        output: the end of its stdout and stderr.
        code: exit code.
        started: Unix seconds.
    """

    wall: float
    cpu: float
    memory: int
    output: str = ""
    code: int = 0
    started: float = 0.0

    def times(self, factor: float) -> "Measured":
        """Scaled to this many times the work."""
        return Measured(wall=self.wall * factor, cpu=self.cpu * factor, memory=self.memory)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
) -> Measured:
    """Run a command. Raises BenchError if the exit code is not in ``ok``."""
    log = cwd / "output.log"
    with log.open("wb") as out:
        began = time.time()
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")[-20000:]
    log.unlink()
    if process.returncode not in ok:
        last = (output.strip().splitlines() or ["no word"])[-1][:200]
        raise BenchError(f"{Path(command[0]).name} ended with {process.returncode}: {last}")
    return Measured(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss * (1024 if sys.platform.startswith("linux") else 1),
        output=output,
        code=process.returncode,
        started=began,
    )


def _environment() -> dict[str, str]:
    """A user's environment: compiled files are kept, and no proxy is used for loopback."""
    left_out = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPROFILEIMPORTTIME"}
    return {
        key: value
        for key, value in os.environ.items()
        if key not in left_out and not key.lower().endswith("_proxy")
    }


class Steal:
    """Share of the processors' time taken by other guests of the host from now on (proc(5), "stat")."""

    def __init__(self) -> None:
        self._first = _ticks()

    @property
    def share(self) -> float | None:
        """As a fraction of the busy time; None if the system does not report it."""
        first, last = self._first, _ticks()
        if first is None or last is None:
            return None
        busy, stolen = (after - before for before, after in zip(first, last, strict=True))
        return stolen / (busy + stolen) if busy + stolen else None


def _ticks() -> tuple[int, int] | None:
    try:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _, _, interrupt, soft, stolen = map(int, words[:8])
    except (OSError, ValueError):
        return None
    return user + nice + system + interrupt + soft, stolen

"""Runs ``backhaul`` and counts what it does: ``python -P counted.py calls|sql|profile|cpu OUT ARGUMENTS``.

Writes the counts to OUT as JSON.
"""

import cProfile
import json
import pstats
import resource
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

_TOP = 5000


def main() -> None:
    """Count, then exit with backhaul's own exit code."""
    mode, out, *arguments = sys.argv[1:]
    sys.argv = ["backhaul", *arguments]
    found, code = {"calls": _calls, "sql": _sql, "profile": _profile, "cpu": _cpu}[mode](_backhaul)
    Path(out).write_text(json.dumps(found))
    sys.exit(code)


def _backhaul() -> int:
    from backhaul.cli.main import main as command  # noqa: PLC0415 - its imports are counted too

    return command(sys.argv[1:])


def _calls(work: Callable[[], int]) -> tuple[dict[str, float], int]:
    """Calls of Python and built-in functions, in all threads."""
    counts: Counter[str] = Counter()

    def note(_: FrameType, event: str, __: Any) -> None:
        counts[event] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        code = work()
    finally:
        sys.setprofile(None)
    return {"python": counts["call"], "built-in": counts["c_call"]}, code


def _sql(work: Callable[[], int]) -> tuple[dict[str, float], int]:
    """Statements that SQLite ran, by verb and table; a row of executemany is one."""
    counts: Counter[str] = Counter()

    class Traced(sqlite3.Connection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.set_trace_callback(lambda text: counts.update([_verb(text)]))

    plain = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: plain(*args, **{"factory": Traced, **kwargs})
    code = work()
    return dict(counts), code


def _verb(text: str) -> str:
    words = text.replace("(", " ").split()
    verb = words[0].upper()
    tables = [
        after for before, after in pairwise(words)
        if before.upper() in {"INTO", "UPDATE", "FROM"}
    ]  # fmt: skip
    return f"{verb} {tables[0]}" if tables else verb


def _profile(work: Callable[[], int]) -> tuple[dict[str, float], int]:
    """Microseconds spent in each function itself, on the main thread (the driver's)."""
    profile = cProfile.Profile(time.thread_time)  # CPU time does not depend on other load
    code = profile.runcall(work)
    rows: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # the stubs lack it
    times: Counter[str] = Counter()
    for (path, _, function), (_, _, own, _, _) in rows.items():
        times[_where(path, function)] += own * 1e6
    return dict(times.most_common(_TOP)), code


def _cpu(work: Callable[[], int]) -> tuple[dict[str, float], int]:
    """Microseconds of processor time of this process alone, without its workers."""
    code = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"user": used.ru_utime * 1e6, "system": used.ru_stime * 1e6}, code


def _where(path: str, function: str) -> str:
    if path == "~":
        return function.strip("<>").removeprefix("built-in method ").removeprefix("method ")
    parts = Path(path).parts
    for root in ("core", "site-packages", "plugin"):
        if root in parts:
            parts = parts[len(parts) - parts[::-1].index(root) :]
            break
    else:
        parts = parts[-1:]
    return f"{'/'.join(parts)} {function}"


if __name__ == "__main__":
    main()

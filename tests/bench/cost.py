"""The cost of one more file: system calls, SQLite statements, Python calls, time by function.

Each is counted in two runs of different size. The difference, divided by the difference in
files, excludes the fixed cost of a run.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import counted, ours, peers, table
from tests.bench.measure import run
from tests.bench.place import Place

FEWER, MORE = 1_000, 4_000
_SHOWN = 16
_LEAST = 0.005  # a file, to be shown

Counts = Mapping[str, float]


def report(place: Place) -> str:
    """Markdown with five tables."""
    parts = [
        f"What one more file of 4 KB costs ({FEWER:,} and {MORE:,} files compared), to tmpfs.\n"
    ]
    lacking = peers.missing(["strace"])
    if lacking is None:
        parts.append(_table("system call", "a file", _a_file(place, _system_calls)))
    else:
        parts.append(f"System calls are not counted: {lacking}.")
    for mode, what, unit in (
        ("sql", "SQLite statement", "a file"),
        ("calls", "Python call", "a file"),
        ("profile", "function itself, on the driver's thread", "% of its time"),
    ):
        counts = _a_file(place, _counter(mode))
        parts.append(_table(what, unit, _shares(counts) if mode == "profile" else counts))
    of_driver = driver(place)
    what = "processor time of the driver's process, with two workers"
    return "\n\n".join([*parts, _table(what, "µs a file", of_driver)])


def driver(place: Place) -> Counts:
    """Microseconds of processor time a file that the driver's process uses, with two workers."""
    return _a_file(place, _counter("cpu"), sizes=(FEWER, 4 * MORE), workers=2)


def _a_file(
    place: Place,
    count: Callable[[Place, Path], Counts],
    *,
    sizes: Sequence[int] = (FEWER, MORE),
    **settings: Any,
) -> Counts:
    runs = []
    for full in sizes:
        files = max(10, round(full * place.scale))
        names = place.small(files)
        listing = place.home / "listing.txt"
        listing.write_text("".join(f"{name}\n" for name in names))
        configured = ours.config(
            place.home / "bench.yaml",
            base_url=f"{place.server.plain}/small",
            dest=place.fresh("ours"),
            count=files,
            listing=listing,
            **settings,
        )
        runs.append((files, count(place, configured)))
    (fewer, first), (more, second) = runs
    return {key: (second[key] - first.get(key, 0)) / (more - fewer) for key in second}


def _system_calls(place: Place, configured: Path) -> Counts:
    out = place.home / "strace.txt"
    run(
        ["strace", "-f", "-c", "-o", out, *ours.COMMAND, "run", configured],
        cwd=place.home,
        env=place.env,
    )
    rows = (line.split() for line in out.read_text().splitlines())
    counts = {}
    for row in rows:
        # % time, seconds, usecs/call, calls, perhaps errors, name
        if len(row) >= 5 and row[3].isdigit() and row[-1] != "total":
            counts[row[-1]] = float(row[3])
    return counts


def _counter(mode: str) -> Callable[[Place, Path], Counts]:
    def count(place: Place, configured: Path) -> Counts:
        out = place.home / f"{mode}.json"
        run(
            [sys.executable, "-P", counted.__file__, mode, out, "run", configured],
            cwd=place.home,
            env=place.env,
        )
        found: dict[str, float] = json.loads(out.read_text())
        return found

    return count


def _shares(counts: Counts) -> Counts:
    """In percent, without functions that happened to take less time in the longer run."""
    grown = {key: value for key, value in counts.items() if value > 0}
    return {key: 100 * value / sum(grown.values()) for key, value in grown.items()}


def _table(what: str, unit: str, counts: Counts) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    shown = [item for item in ordered[:_SHOWN] if item[1] >= _LEAST]
    rows = [(f"`{key}`", f"{value:.2f}") for key, value in shown]
    rows.append(("all", f"{sum(counts.values()):.2f}"))
    return table.grid((what, unit), rows)

"""Targets 22 and 23: what worker processes gain, and what they cost the driver."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import archives, cost
from tests.bench.measure import BenchError, Measured
from tests.bench.place import Place
from tests.bench.row import Row, numbers
from tests.bench.versus import Side, alternate, cpu, wall

CORES = 2
GAIN = 1.7
BUSY = 0.85
DRIVER = 60.0  # microseconds a file
_PACKED = 60
_ZIPPED = 600
_TEXT = 10 << 20  # packed to about 2 MB


def growth(place: Place) -> Iterator[Row]:
    """22: archives that take long to verify, on one core and with a worker on each of two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < CORES:
        raise BenchError(f"needs {CORES} cores")
    count = place.scaled(_PACKED)
    names = archives.packed_slowly(place.www / "bz2", count, size=_TEXT)
    yield _row(place, "bz2 of 2 MB", "bz2", names)
    count = place.scaled(_ZIPPED)
    yield _row(place, "gz of 330 KB", "large", archives.large(place.www / "large", count))


def _row(place: Place, what: str, folder: str, names: Sequence[str]) -> Row:
    url = f"{place.server.plain}/{folder}"
    two = place.backhaul(url, len(names), names=names, workers=CORES)
    one = place.backhaul(url, len(names), names=names, workers=1)
    pair = alternate(two, on_one_core(one), rounds=place.rounds)
    busy = cpu(pair.ours) / wall(pair.ours) / CORES
    gain = 1 / pair.ratio
    for name in names:
        Path(place.www, folder, name).unlink()
    return Row(
        number=22,
        work=f"{len(names):,} {what}, {CORES} workers",
        against="one worker with one core",
        ours=numbers(pair.ours, len(names)),
        theirs=numbers(pair.theirs, len(names)),
        reached=f"{gain:.2f} times as fast, {busy:.0%} of both cores",
        limit=f"at least {GAIN:g}, or {BUSY:.0%}",
        passed=gain >= GAIN or busy >= BUSY,
    )


def on_one_core(side: Side) -> Side:
    """The same with the first core only; the server keeps all."""

    def alone() -> Measured:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            return side()
        finally:
            os.sched_setaffinity(0, cores)

    return alone


def driver(place: Place) -> Iterator[Row]:
    """23: processor time of the driver's process alone."""
    used = sum(cost.driver(place).values())
    yield Row(
        number=23,
        work=f"the driver's processor time a file of 4 KB, {CORES} workers",
        against="",
        ours=f"{used:.0f} µs",
        reached=f"{used:.0f} µs",
        limit=f"at most {DRIVER:.0f} µs",
        passed=used <= DRIVER,
    )

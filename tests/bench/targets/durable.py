"""Target 11: the cost of losing nothing in a power failure."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Measured
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.targets.small_files import FILES
from tests.bench.versus import Side, alternate


def against_itself(place: Place) -> Iterator[Row]:
    """The same run with ``durable: false``, each starting with an idle disk."""
    count = place.scaled(FILES)
    names = place.small(count)
    url = f"{place.server.plain}/small"
    pair = alternate(
        _quiet(place, place.backhaul(url, count, names=names, on=place.disk)),
        _quiet(place, place.backhaul(url, count, names=names, on=place.disk, durable=False)),
        rounds=place.rounds,
    )
    yield compared(
        11,
        pair,
        work=f"{count:,} files of 4 KB to {_file_system(place.disk)}, durable",
        against="the same with durable: false",
        files=count,
        limit=1.3,
    )


def _quiet(place: Place, side: Side) -> Side:
    def measured() -> Measured:
        shutil.rmtree(place.disk / "ours", ignore_errors=True)
        os.sync()
        return side()

    return measured


def _file_system(path: Path) -> str:
    best, kind = "", "an unknown file system"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, name, *_ = line.split()
        inside = point == "/" or str(path).startswith(f"{point}/") or str(path) == point
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind

"""Target 5: two large files from a server that gives 10 MB/s to a connection."""

from collections.abc import Iterator

from tests.bench import archives
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate

SIZE = 200_000_000


def against_aria2(place: Place) -> Iterator[Row]:
    """Aria2 with sixteen connections a file."""
    size = round(SIZE * min(1.0, place.scale * 4))
    names = archives.huge(place.www / "huge", 2, size=size)
    url = f"{place.server.plain}/slow"
    pair = alternate(
        place.backhaul(url, 2, names=names),
        place.aria2(url, names, "-x16", "-s16"),
        rounds=place.rounds,
    )
    yield compared(
        5,
        pair,
        work=f"2 files of {size / 1e6:.0f} MB at 10 MB/s a connection",
        against="aria2c -x16 -s16",
        files=2,
        limit=1.0,
    )
    for name in names:
        (place.www / "huge" / name).unlink()

"""Targets 1 to 3: a 90-day job of 4 KB files."""

from collections.abc import Iterator

from tests.bench import peers
from tests.bench.measure import Measured
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate

FILES = 12_960
_ONE_BY_ONE = 1_500


def against_curl(place: Place) -> Iterator[Row]:
    """1: curl --parallel, then the same checks; and curl alone, which checks nothing."""
    count = place.scaled(FILES)
    names = place.small(count)
    for base, how in ((place.server.plain, ""), (place.server.tls, ", TLS")):
        url = f"{base}/small"
        for then, against, limit in (
            (peers.same_checks, "curl --parallel --parallel-max 16, then the same checks", 0.6),
            (None, "curl --parallel --parallel-max 16", 1.6),
        ):
            pair = alternate(
                place.backhaul(url, count, names=names),
                place.curl(url, names, parallel=16, then=then),
                rounds=place.rounds,
            )
            work = f"{count:,} files of 4 KB{how}"
            yield compared(1, pair, work=work, against=against, files=count, limit=limit)


def against_aria2(place: Place) -> Iterator[Row]:
    """2: aria2c -j16."""
    count = place.scaled(FILES)
    names = place.small(count)
    for base, how in ((place.server.plain, ""), (place.server.tls, ", TLS")):
        url = f"{base}/small"
        pair = alternate(
            place.backhaul(url, count, names=names),
            place.aria2(url, names, "-j16"),
            rounds=place.rounds,
        )
        yield compared(
            2,
            pair,
            work=f"{count:,} files of 4 KB{how}",
            against="aria2c -j16",
            files=count,
            limit=0.5,
        )


def against_one_liner(place: Place) -> Iterator[Row]:
    """3: the vendor's xargs, which starts curl for every file; measured on fewer files and scaled."""
    count, fewer = place.scaled(FILES), place.scaled(_ONE_BY_ONE)
    names = place.small(count)
    url = f"{place.server.plain}/small"
    listed = place.home / "pairs.txt"
    dest = place.home / "theirs"
    listed.write_text("".join(f'"{dest}/{name}" "{url}/{name}"\n' for name in names[:fewer]))
    part = place.other(lambda _: peers.one_liner(listed), fewer)

    def theirs() -> Measured:
        return part().times(count / fewer)

    pair = alternate(place.backhaul(url, count, names=names), theirs, rounds=place.rounds)
    yield compared(
        3,
        pair,
        work=f"{count:,} files of 4 KB",
        against=f"xargs -P 8 curl ({fewer:,} files, scaled)",
        files=count,
        limit=0.03,
    )

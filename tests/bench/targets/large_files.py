"""Targets 4 and 10: files of 330 KB, in wall time and processor time."""

from collections.abc import Iterator

from tests.bench import archives, peers
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate, cpu

FILES = 600


def against_curl(place: Place) -> Iterator[Row]:
    """Curl, then the same checks on two cores; 10: processor time against curl and gzip -t."""
    count = place.scaled(FILES)
    names = archives.large(place.www / "large", count)
    size = sum((place.www / "large" / name).stat().st_size for name in names) / 1e9
    for base, how in ((place.server.plain, ""), (place.server.tls, ", TLS")):
        url = f"{base}/large"
        pair = alternate(
            place.backhaul(url, count, names=names),
            place.curl(url, names, parallel=16, then=peers.gzip_test),
            rounds=place.rounds,
        )
        work = f"{count:,} files of 330 KB{how}"
        against = "curl --parallel, gzip -t with xargs -P 2"
        same = alternate(
            place.backhaul(url, count, names=names),
            place.curl(url, names, parallel=16, then=peers.same_checks),
            rounds=place.rounds,
        )
        checked = "curl --parallel, then the same checks"
        yield compared(4, same, work=work, against=checked, files=count, limit=0.17)
        yield Row(
            number=10,
            work=f"CPU seconds a GB as stored: {work}",
            against=against,
            ours=f"{cpu(pair.ours) / size:.2f} s/GB",
            theirs=f"{cpu(pair.theirs) / size:.2f} s/GB",
            reached=f"{pair.cpu_ratio:.2f}",
            limit="at most 0.7",
            passed=pair.cpu_ratio <= 0.7,
        )
    for name in names:
        (place.www / "large" / name).unlink()

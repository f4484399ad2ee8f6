"""Target 7: a second run, with nothing left to fetch."""

import shutil
from collections.abc import Iterator

from tests.bench import ours, peers
from tests.bench.measure import Measured, run
from tests.bench.place import Place
from tests.bench.row import Row, numbers
from tests.bench.versus import wall

FILES = 52_560
LIMIT = 0.9


def against_both(place: Place) -> Iterator[Row]:
    """Several runs of backhaul, but only one each of aria2c -c and rclone check, which are slow."""
    count = place.scaled(FILES)
    names = place.small(count)
    url = f"{place.server.plain}/small"
    place.backhaul(url, count, names=names)()
    dest = place.home / "ours"
    copy = place.home / "theirs"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(dest / "bench", copy)
    before = place.server.requests()
    again = [ours.fetch(place.home / "bench.yaml", place.env) for _ in range(place.rounds)]
    asked = place.server.requests() - before - 1
    listed = peers.aria2_list(place.home / "aria2.txt", base_url=url, names=names)
    aria2 = run(
        peers.aria2(listed, "-c", "-j16", dest=copy, cert=place.server.cert), cwd=place.home
    )
    rclone = run(
        ["rclone", "check", "--size-only", "--one-way", "--http-url", f"{url}/", ":http:", copy],
        cwd=place.home,
        env={"RCLONE_CONFIG": str(place.home / "rclone.conf")},
    )
    yield from _rows(count, again, asked, {"aria2c -c": aria2, "rclone check": rclone})
    shutil.rmtree(copy)


def _rows(
    count: int, again: list[Measured], asked: int, others: dict[str, Measured]
) -> Iterator[Row]:
    for against, other in others.items():
        yield Row(
            number=7,
            work=f"second run over {count:,} files",
            against=against,
            ours=numbers(again, count),
            theirs=numbers([other], count),
            reached=f"{wall(again):.2f} s, {asked} file requests",
            limit=f"at most {LIMIT:g} s, none",
            passed=wall(again) <= LIMIT and asked == 0,
            note=f"{wall(again) / other.wall:.3f} of {against} (once)",
        )

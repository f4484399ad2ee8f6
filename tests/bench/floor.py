"""Lower bounds: the bare work of targets 1, 2, 4 to 7 and 9, measured against the same opponents.

No design can be faster while libcurl, driven by Python, transfers the files, each file is decompressed to
its end, and each record is parsed.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.bench import archives, bare, bare_second, ours, peers, table
from tests.bench.measure import Measured, run
from tests.bench.place import Place
from tests.bench.targets import adaptive
from tests.bench.versus import Side, alternate, cpu, wall

_SMALL = 12_960
_LARGE = 600
_HUGE = 200_000_000
_YEAR = 52_560
_CORES = 2
_CONNECTIONS = 16
_DEFAULT = 128  # the setting ``connections``
_LIBRARIES = "typer, typer._adapters, pydantic, yaml, pluggy, sqlite3"
_WORDS = {
    "fetch": "one pycurl loop, bytes thrown away",
    "verify": "the same, each file verified",
    "write": "the same, written and renamed",
}
_RECORDED = "that, with the imports of a command, and a row and a line for each file"
_CHECKED = "then the same checks"
_Row = tuple[str, ...]


def report(place: Place) -> str:
    """A Markdown table: each piece of bare work with its ratio to the other side."""
    rows = [
        *_small(place),
        *_large(place),
        *_huge(place),
        *_late(place),
        _second_run(place),
        _starting(place),
    ]
    head = ("bare work", "against", "bare", "theirs", "ratio")
    return table.grid(head, rows)


def _small(place: Place) -> Iterator[_Row]:
    """Files of 4 KB: step by step in one process, then all steps on both cores."""
    count = place.scaled(_SMALL)
    names = place.small(count)
    for base, how in ((place.server.plain, ""), (place.server.tls, ", TLS")):
        url = f"{base}/small"
        urls = [f"{url}/{name}" for name in names]
        what = f"{count:,} files of 4 KB{how}"
        alone = place.curl(url, names, parallel=_CONNECTIONS)
        for mode, words in _WORDS.items():
            yield _row(
                place, f"{what}: {words}", "curl --parallel", _bare(place, mode, urls), alone
            )
            if how:
                break
        both = _bare(place, "write", urls, processes=_CORES)
        checked = place.curl(url, names, parallel=_CONNECTIONS, then=peers.same_checks)
        recorded = _bare(place, "record", urls, processes=_CORES)
        others = {
            f"curl --parallel, {_CHECKED}": checked,
            "curl --parallel": place.curl(url, names, parallel=_CONNECTIONS),
            "aria2c -j16": place.aria2(url, names, "-j16"),
        }
        for against, theirs in others.items():
            yield _row(place, f"{what}: all of that by two processes", against, both, theirs)
            yield _row(place, f"{what}: {_RECORDED}", against, recorded, theirs)


def _large(place: Place) -> Iterator[_Row]:
    """Files of 330 KB: fetched, verified and written on both cores."""
    count = place.scaled(_LARGE)
    names = archives.large(place.www / "large", count)
    url = f"{place.server.plain}/large"
    yield _row(
        place,
        f"{count:,} files of 330 KB: fetched, verified, written and renamed by two processes",
        f"curl --parallel, {_CHECKED}",
        _bare(place, "write", [f"{url}/{name}" for name in names], processes=_CORES),
        place.curl(url, names, parallel=_CONNECTIONS, then=peers.same_checks),
    )


def _huge(place: Place) -> Iterator[_Row]:
    """Files of 200 MB that are already local: verified on both cores."""
    size = round(_HUGE * min(1.0, place.scale * 4))
    names = archives.huge(place.www / "huge", 2, size=size)
    thens: dict[str, Callable[[Path], str] | None] = {
        f"aria2c -x16 -s16, {_CHECKED}": partial(peers.same_checks, batch=1),
        "aria2c -x16 -s16, which only fetches them": None,
    }
    for against, then in thens.items():
        yield _row(
            place,
            f"2 files of {size / 1e6:.0f} MB: verified by two processes, not fetched",
            against,
            _bare(place, "read", [str(place.www / "huge" / name) for name in names], processes=2),
            place.aria2(f"{place.server.plain}/slow", names, "-x16", "-s16", then=then),
        )


def _late(place: Place) -> Iterator[_Row]:
    """A slow server: as many connections as the settings allow, from the first file on."""
    count = place.scaled(adaptive.FILES)
    names = [archives.name(number) for number in range(count)]
    with adaptive.late(place.one) as url:
        for parallel in (50, adaptive.BEST):
            yield _row(
                place,
                f"{count:,} files of 4 KB, 80 ms to the first byte: {_DEFAULT} connections, bytes thrown away",
                f"curl --parallel-max {parallel}",
                _bare(place, "fetch", [f"{url}/{name}" for name in names], connections=_DEFAULT),
                place.curl(url, names, parallel=parallel),
            )


def _second_run(place: Place) -> _Row:
    """Everything is already there: bare lookups against the whole second run."""
    count = place.scaled(_YEAR)
    names = place.small(count)
    place.backhaul(f"{place.server.plain}/small", count, names=names)()
    program = Path(bare_second.__file__)
    return _row(
        place,
        f"{count:,} files that are here: each looked up in the ledger and on disk",
        "our whole second run",
        lambda: run(
            [sys.executable, program, place.home / "listing.txt", place.home / "ours"],
            cwd=place.home,
        ),
        lambda: ours.fetch(place.home / "bench.yaml", place.env),
    )


def _starting(place: Place) -> _Row:
    """Importing only the libraries that read a command line and a configuration."""
    return _row(
        place,
        f"import {_LIBRARIES}",
        "python -c pass",
        lambda: run([sys.executable, "-c", f"import {_LIBRARIES}"], cwd=place.home),
        lambda: run([sys.executable, "-c", "pass"], cwd=place.home),
    )


def _bare(
    place: Place,
    mode: str,
    urls: Sequence[str],
    *,
    processes: int = 1,
    connections: int = _CONNECTIONS,
) -> Side:
    listing = place.home / f"{mode}-{len(urls)}.txt"

    def side() -> Measured:
        listing.write_text("\n".join(urls))
        folder = place.fresh("ours")
        env = {**place.env, "SSL_CERT_FILE": str(place.server.cert)}
        numbers = map(str, (processes, connections))
        return run(
            [sys.executable, Path(bare.__file__), mode, listing, folder, *numbers],
            cwd=place.home,
            env=env,
        )

    return side


def _row(place: Place, work: str, against: str, mine: Side, theirs: Side) -> _Row:
    pair = alternate(mine, theirs, rounds=place.rounds)
    low, high = pair.spread
    return (
        work,
        against,
        f"{wall(pair.ours):.2f} s, CPU {cpu(pair.ours):.2f} s",
        f"{wall(pair.theirs):.2f} s, CPU {cpu(pair.theirs):.2f} s",
        f"{pair.ratio:.2f} ({low:.2f} to {high:.2f})",
    )

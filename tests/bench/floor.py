"""Where the floor is: the bare work of targets 1, 4, 5, 7 and 9, measured beside what they are held against.

No design of ours comes below it as long as the transfers are libcurl's, driven by Python, and each
file is unpacked to its end.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import archives, bare, bare_second, ours, table
from tests.bench.measure import Measured, run
from tests.bench.place import Place
from tests.bench.versus import Side, alternate, cpu, wall

_SMALL = 12_960
_LARGE = 600
_HUGE = 200_000_000
_YEAR = 52_560
_LIBRARIES = "typer, typer._adapters, pydantic, yaml, pluggy, sqlite3"
_WORDS = {
    "fetch": "one pycurl loop, bytes thrown away",
    "verify": "the same, each file verified",
    "write": "the same, written and renamed",
}


def report(place: Place) -> str:
    """Markdown: each bare piece of work with its ratio to the other side."""
    rows: list[tuple[str, ...]] = []
    count = place.scaled(_SMALL)
    names = place.small(count)
    for base, how in ((place.server.plain, ""), (place.server.tls, ", TLS")):
        url = f"{base}/small"
        for mode, words in _WORDS.items():
            mine = _bare(place, mode, [f"{url}/{name}" for name in names])
            theirs = place.curl(url, names, parallel=16)
            work = f"{count:,} files of 4 KB{how}: {words}"
            rows.append(_row(place, work, "curl --parallel", mine, theirs))
            if how:
                break
    rows.extend(_verifying(place))
    rows.append(_second_run(place))
    rows.append(_starting(place))
    head = ("bare work", "against", "bare", "theirs", "ratio")
    return table.grid(head, rows)


def _verifying(place: Place) -> list[tuple[str, ...]]:
    """What is left of the larger files when they are here already: verification on both cores."""
    count = place.scaled(_LARGE)
    large = archives.large(place.www / "large", count)
    size = round(_HUGE * min(1.0, place.scale * 4))
    huge = archives.huge(place.www / "huge", 2, size=size)
    paths = {name: [str(place.www / name / one) for one in some]
             for name, some in (("large", large), ("huge", huge))}  # fmt: skip
    return [
        _row(
            place,
            f"{count:,} files of 330 KB: verified by two processes, not fetched",
            "curl --parallel, gzip -t with xargs -P 2",
            _bare(place, "read", paths["large"]),
            place.curl(f"{place.server.plain}/large", large, parallel=16, then=True),
        ),
        _row(
            place,
            f"2 files of {size / 1e6:.0f} MB: verified by two processes, not fetched",
            "aria2c -x16 -s16, which fetches them",
            _bare(place, "read", paths["huge"]),
            place.aria2(f"{place.server.plain}/slow", huge, "-x16", "-s16"),
        ),
    ]


def _second_run(place: Place) -> tuple[str, ...]:
    """Everything is here: looked up and looked at, beside the whole second run."""
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


def _starting(place: Place) -> tuple[str, ...]:
    """The libraries that read a command line and a configuration, and nothing of ours."""
    return _row(
        place,
        f"import {_LIBRARIES}",
        "python -c pass",
        lambda: run([sys.executable, "-c", f"import {_LIBRARIES}"], cwd=place.home),
        lambda: run([sys.executable, "-c", "pass"], cwd=place.home),
    )


def _bare(place: Place, mode: str, urls: Sequence[str]) -> Side:
    listing = place.home / f"{mode}-{len(urls)}.txt"

    def side() -> Measured:
        listing.write_text("\n".join(urls))
        folder = place.fresh("ours")
        env = {**place.env, "SSL_CERT_FILE": str(place.server.cert)}
        return run(
            [sys.executable, Path(bare.__file__), mode, listing, folder], cwd=place.home, env=env
        )

    return side


def _row(place: Place, work: str, against: str, mine: Side, theirs: Side) -> tuple[str, ...]:
    pair = alternate(mine, theirs, rounds=place.rounds)
    low, high = pair.spread
    return (
        work,
        against,
        f"{wall(pair.ours):.2f} s, CPU {cpu(pair.ours):.2f} s",
        f"{wall(pair.theirs):.2f} s, CPU {cpu(pair.theirs):.2f} s",
        f"{pair.ratio:.2f} ({low:.2f} to {high:.2f})",
    )

"""Target 9: how long a command takes before it does anything."""

import sys
from collections.abc import Iterator

from tests.bench import ours
from tests.bench.measure import run
from tests.bench.place import Place
from tests.bench.row import Row
from tests.bench.versus import alternate, wall


def against_python(place: Place) -> Iterator[Row]:
    """Over ``python -c pass``."""
    assert place.one.exists()
    place.backhaul(f"{place.server.plain}/many", 144)()
    configured = str(place.home / "bench.yaml")
    for arguments, limit in ((("--help",), 0.12), (("status", configured), 0.25)):
        pair = alternate(
            lambda arguments=arguments: run(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                [*ours.COMMAND, *arguments], cwd=place.home, env=place.env
            ),
            lambda: run([sys.executable, "-c", "pass"], cwd=place.home),
            rounds=max(3, place.rounds * 3),
        )
        more = wall(pair.ours) - wall(pair.theirs)
        yield Row(
            number=9,
            work=f"backhaul {arguments[0]}",
            against="python -c pass",
            ours=f"{wall(pair.ours):.3f} s",
            theirs=f"{wall(pair.theirs):.3f} s",
            reached=f"+{more:.3f} s",
            limit=f"at most +{limit:g} s",
            passed=more <= limit,
        )

"""Target 9: the startup time of commands."""

import sys
from collections.abc import Iterator

from tests.bench import ours
from tests.bench.measure import run
from tests.bench.place import Place
from tests.bench.row import Row
from tests.bench.versus import alternate, wall

IMPORTS = "import typer, pydantic, yaml, pluggy, sqlite3"


def against_python(place: Place) -> Iterator[Row]:
    """Compared with Python that imports the libraries which commands need."""
    assert place.one.exists()
    place.backhaul(f"{place.server.plain}/many", 144)()
    configured = str(place.home / "bench.yaml")
    for arguments, limit in ((("--help",), 0.7), (("status", configured), 1.3)):
        pair = alternate(
            lambda arguments=arguments: run(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                [*ours.COMMAND, *arguments], cwd=place.home, env=place.env
            ),
            lambda: run([sys.executable, "-c", IMPORTS], cwd=place.home),
            rounds=max(3, place.rounds * 3),
        )
        yield Row(
            number=9,
            work=f"backhaul {arguments[0]}",
            against=f"python -c {IMPORTS!r}",
            ours=f"{wall(pair.ours):.3f} s",
            theirs=f"{wall(pair.theirs):.3f} s",
            reached=f"{pair.ratio:.2f}",
            limit=f"at most {limit:g}",
            passed=pair.ratio <= limit,
        )

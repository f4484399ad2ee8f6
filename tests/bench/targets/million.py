"""Target 8: a job of a million files, listed by a generator."""

import shutil
from collections.abc import Iterator

from tests.bench import ours
from tests.bench.measure import BenchError, run
from tests.bench.place import Place
from tests.bench.row import Row, numbers
from tests.bench.versus import memory, wall

FILES = 1_000_000
PLANNED = 30.0
PEAK = 150e6
SHARE = 0.6
_ROOM = 6_000  # bytes per file on tmpfs, including its inode and both names


def alone(place: Place) -> Iterator[Row]:
    """Planned within the limit, then fetched by one process and with workers."""
    count = place.scaled(FILES)
    assert place.one.exists()
    url = f"{place.server.plain}/many"
    configured = ours.config(
        place.home / "bench.yaml", base_url=url, dest=place.fresh("ours"), count=count
    )
    plan = run([*ours.COMMAND, "plan", configured], cwd=place.home, env=place.env)
    yield Row(
        number=8,
        work=f"{count:,} files, planned",
        against="",
        ours=f"{plan.wall:.1f} s, {count / plan.wall:,.0f} files/s, {plan.memory / 1e6:.0f} MB",
        reached=f"{plan.wall:.1f} s",
        limit=f"at most {PLANNED:g} s",
        passed=plan.wall <= PLANNED,
    )
    if shutil.disk_usage(place.home).free < count * _ROOM:
        raise BenchError(f"{place.home} has no room for {count:,} files")
    whole = [place.backhaul(url, count, workers=1)()]
    yield Row(
        number=8,
        work=f"{count:,} files of 4 KB, the whole run",
        against="",
        ours=numbers(whole, count),
        reached=f"{memory(whole) / 1e6:.0f} MB",
        limit=f"at most {PEAK / 1e6:.0f} MB",
        passed=memory(whole) <= PEAK,
    )
    helped = [place.backhaul(url, count, workers="auto")()]
    share = wall(helped) / wall(whole)
    yield Row(
        number=8,
        work=f"{count:,} files of 4 KB, the whole run with workers",
        against="one process",
        ours=numbers(helped, count),
        theirs=numbers(whole, count),
        reached=f"{share:.2f}, {memory(helped) / 1e6:.0f} MB",
        limit=f"at most {SHARE:g} and {PEAK / 1e6:.0f} MB",
        passed=share <= SHARE and memory(helped) <= PEAK,
    )
    place.fresh("ours")

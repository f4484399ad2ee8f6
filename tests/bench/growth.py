"""Wall time and peak memory by the number of files."""

from tests.bench import plot, table
from tests.bench.measure import Measured
from tests.bench.place import ROOT, Place

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
PLOT = ROOT / "docs" / "growth.svg"


def report(place: Place, *, million: bool, plotted: bool) -> str:
    """A Markdown table of the numbers; also writes the plot if asked to."""
    assert place.one.exists()
    found: list[tuple[int, Measured]] = []
    for size in (*SIZES, MILLION) if million else SIZES:
        count = place.scaled(size)
        # The server returns the same small file for every name, so that only our side grows.
        run = place.backhaul(f"{place.server.plain}/many", count)()
        place.fresh("ours")
        found.append((count, run))
    head = ("files", "wall", "files/s", "CPU a file", "peak memory")
    rows = [
        (
            f"{count:,}",
            f"{run.wall:.1f} s",
            f"{count / run.wall:,.0f}",
            f"{run.cpu / count * 1e6:.0f} µs",
            f"{run.memory / 1e6:.0f} MB",
        )
        for count, run in found
    ]
    if plotted:
        PLOT.write_text(
            plot.two(
                plot.Panel("wall time, seconds", [(count, run.wall) for count, run in found]),
                plot.Panel("peak memory, MB", [(count, run.memory / 1e6) for count, run in found]),
                below="files in one job, 4 KB each",
            )
        )
    picture = (
        "![Wall time and peak memory by the number of files](growth.svg)\n\n" if plotted else ""
    )
    return picture + table.grid(head, rows)

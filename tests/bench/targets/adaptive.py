"""Target 6: a slow server, where backhaul has to find the right number of connections."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import archives, late_server
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate

FILES = 2_000
DELAY = 0.08


def against_curl(place: Place) -> Iterator[Row]:
    """Curl with fifty connections; backhaul with default settings."""
    count = place.scaled(FILES)
    names = [archives.name(number) for number in range(count)]
    with late(place.one) as url:
        pair = alternate(
            place.backhaul(url, count, names=names),
            place.curl(url, names, parallel=50),
            rounds=place.rounds,
        )
    yield compared(
        6,
        pair,
        work=f"{count:,} files of 4 KB, 80 ms to the first byte",
        against="curl --parallel-max 50",
        files=count,
        limit=0.7,
        note="server: asyncio, one process, for both sides",
    )


@contextmanager
def late(path: Path) -> Iterator[str]:
    """Serve a file under every name, 80 ms late."""
    with subprocess.Popen(
        [sys.executable, late_server.__file__, str(path), str(DELAY)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()

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


HANDSHAKE = 3 * DELAY  # of TCP and TLS 1.2 with a host from which a packet takes 40 ms
BEST = 300  # the most connections that curl opens at once


def against_curl(place: Place) -> Iterator[Row]:
    """Curl with fifty connections and with its best setting; backhaul with default settings."""
    count = place.scaled(FILES)
    names = [archives.name(number) for number in range(count)]
    work = f"{count:,} files of 4 KB, 80 ms to the first byte"
    for handshake, more, parallel, limit in (
        (0.0, "", 50, 0.7),
        (0.0, "", BEST, 1.05),
        (HANDSHAKE, ", 240 ms more on a new connection", 50, None),
    ):
        with late(place.one, handshake) as url:
            pair = alternate(
                place.backhaul(url, count, names=names),
                place.curl(url, names, parallel=parallel),
                rounds=place.rounds,
            )
        yield compared(
            6,
            pair,
            work=work + more,
            against=f"curl --parallel-max {parallel}",
            files=count,
            limit=limit,
            note="server: asyncio, one process, for both sides",
        )


@contextmanager
def late(path: Path, handshake: float = 0.0) -> Iterator[str]:
    """Serve a file under every name, 80 ms late, and the first one of a connection later still."""
    with subprocess.Popen(
        [sys.executable, late_server.__file__, str(path), str(DELAY), str(handshake)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()

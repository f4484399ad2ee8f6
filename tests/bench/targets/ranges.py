"""Target 5: two large files from a server that limits each connection to 10 MB/s."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from tests.bench import archives, peers
from tests.bench.measure import Measured
from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import Side, Versus, alternate

SIZE = 200_000_000


def against_aria2(place: Place) -> Iterator[Row]:
    """Aria2 with sixteen connections per file, then the same checks; and aria2 alone.

    Against aria2 alone, also the time until the server has sent the last byte.
    """
    size = round(SIZE * min(1.0, place.scale * 4))
    names = archives.huge(place.www / "huge", 2, size=size)
    url = f"{place.server.plain}/slow"
    work = f"2 files of {size / 1e6:.0f} MB at 10 MB/s a connection"
    for then, against, limit in (
        (partial(peers.same_checks, batch=1), "aria2c -x16 -s16, then the same checks", 0.09),
        (None, "aria2c -x16 -s16", None),
    ):
        sent = Sent(place)
        pair = alternate(
            sent.until_last_byte(place.backhaul(url, 2, names=names)),
            sent.until_last_byte(place.aria2(url, names, "-x16", "-s16", then=then)),
            rounds=place.rounds,
        )
        yield compared(5, pair, work=work, against=against, files=2, limit=limit)
    received = Versus(sent.of(pair.ours), sent.of(pair.theirs))
    against = "aria2c -x16 -s16, both until the last byte has been sent"
    yield compared(5, received, work=work, against=against, files=2, limit=1.0)
    for name in names:
        (place.www / "huge" / name).unlink()


class Sent:
    """Notes when the server had sent the last byte of each run.

    Args:
        place: has the server.
    """

    def __init__(self, place: Place) -> None:
        self._log = place.server.slow
        self._after: dict[float, float] = {}  # seconds, by the start of a run

    def until_last_byte(self, side: Side) -> Side:
        """The same side, noted."""

        def noted() -> Measured:
            self._log.write_text("")
            measured = side()
            last = max(map(float, self._log.read_text().split()))
            self._after[measured.started] = last - measured.started
            return measured

        return noted

    def of(self, runs: Sequence[Measured]) -> list[Measured]:
        """Runs, each until its last byte."""
        return [replace(run, wall=self._after[run.started]) for run in runs]

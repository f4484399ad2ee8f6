"""A large file in segments that several connections fetch at once."""

from collections.abc import Iterable, Sequence

LARGE = 16 << 20  # bytes from which a file is split
SIZE = 4 << 20  # bytes of a segment: what a lost connection costs at most
FIRST = 1 << 20  # of the first ones, so that there soon is a beginning to verify
WORTH = 1 << 16  # bytes that an answer must bring to count as progress, if there are so many left

Span = tuple[int, int]


class Segment:
    """A part of a file under way on one connection; ``[start, end)`` of the file.

    Attributes:
        url: where it is asked for.
        position: where the next byte goes.
        checked: the answer's head fits.
        error: the beginning of a body that is no data.
        held, held_size: what came and is not handed to the part yet, see Body.write.
    """

    __slots__ = (
        "checked",
        "end",
        "error",
        "held",
        "held_size",
        "position",
        "received",
        "start",
        "url",
    )

    def __init__(self, url: str, start: int, end: int) -> None:
        self.url = url
        self.start = start
        self.end = end
        self.position = start
        self.checked = False
        self.received = 0
        self.error: list[bytes] = []
        self.held: list[bytes] = []
        self.held_size = 0

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self.position >= self.end

    @property
    def progressed(self) -> bool:
        """Whether enough of it came to count."""
        return self.received >= min(WORTH, self.end - self.start)


class SegmentMap:
    """Which spans of a file are here, under way and still to be fetched.

    Args:
        length: the file's size.
        done: spans that are here.

    Attributes:
        redirected: the file's own URL leads to another one, which is asked for segments.
    """

    __slots__ = ("done", "length", "not_before", "pending", "redirected", "running")

    def __init__(self, length: int, done: Iterable[Span] = ()) -> None:
        self.length = length
        self.done = merge(done)
        self.pending = _cut(holes(self.done, length))
        self.running: set[Segment] = set()
        self.not_before = 0.0
        self.redirected = False

    @property
    def complete(self) -> bool:
        """Whether the whole file is here."""
        return self.done == [(0, self.length)]

    def take(self, url: str) -> Segment:
        """The next span, as a segment that is fetched from a URL."""
        start, end = self.pending.pop(0)
        segment = Segment(url, start, end)
        self.running.add(segment)
        return segment

    def extend(self, segment: Segment) -> bool:
        """Moves a connection that is at its segment's end to the next one, if that is free."""
        if self.pending and self.pending[0][0] == segment.end:
            segment.end = self.pending.pop(0)[1]
            return True
        return False

    def give_back(self, segment: Segment) -> None:
        """A connection is over: what came is here, the rest is for others."""
        self.running.discard(segment)
        if segment.position > segment.start:
            self.done = merge([*self.done, (segment.start, segment.position)])
        if not segment.complete:
            self.pending = sorted([*self.pending, (segment.position, segment.end)])


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted spans without overlaps and without joints."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def holes(spans: Sequence[Span], length: int) -> list[Span]:
    """What merged spans leave of a file."""
    found = []
    place = 0
    for start, end in spans:
        if start > place:
            found.append((place, start))
        place = end
    if place < length:
        found.append((place, length))
    return found


def _cut(spans: Iterable[Span]) -> list[Span]:
    found = []
    for start, end in spans:
        place = start
        while place < end:
            following = min(place + (FIRST if place < LARGE else SIZE), end)
            found.append((place, following))
            place = following
    return found

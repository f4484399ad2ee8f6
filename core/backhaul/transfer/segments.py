"""A large file divided into segments that several connections fetch in parallel."""

from collections.abc import Iterable, Sequence

LARGE = 16 << 20  # bytes from which a file is split
SIZE = 4 << 20  # bytes of a segment: the most that a lost connection costs
FIRST = 1 << 20  # size of the first ones, so that verification can start early
WORTH = 1 << 16  # bytes that a response must bring to count as progress, unless fewer are left

Span = tuple[int, int]


class Segment:
    """A part ``[start, end)`` of a file being fetched on one connection.

    Attributes:
        url: where it is requested.
        position: offset of the next byte.
        checked: the response's headers match.
        error: the beginning of an error response.
        held, held_size: data not yet passed to the part, see Body.write.
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
        """Whether all of it has been received."""
        return self.position >= self.end

    @property
    def progressed(self) -> bool:
        """Whether enough of it was received to count as progress."""
        return self.received >= min(WORTH, self.end - self.start)


class SegmentMap:
    """Tracks which spans of a file are present, being fetched and pending.

    Args:
        length: the file's size.
        done: spans that are present.

    Attributes:
        redirected: the file's URL redirects to another one, which is used for segments.
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
        """Whether the whole file is present."""
        return self.done == [(0, self.length)]

    def take(self, url: str) -> Segment:
        """The next span, as a segment to fetch from a URL."""
        start, end = self.pending.pop(0)
        segment = Segment(url, start, end)
        self.running.add(segment)
        return segment

    def extend(self, segment: Segment) -> bool:
        """Extends a segment that is complete into the next one, if that is free."""
        if self.pending and self.pending[0][0] == segment.end:
            segment.end = self.pending.pop(0)[1]
            return True
        return False

    def give_back(self, segment: Segment) -> None:
        """A connection has ended: records what it received; the rest is pending again."""
        self.running.discard(segment)
        if segment.position > segment.start:
            self.done = merge([*self.done, (segment.start, segment.position)])
        if not segment.complete:
            self.pending = sorted([*self.pending, (segment.position, segment.end)])


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorts spans and merges overlapping and adjacent ones."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def holes(spans: Sequence[Span], length: int) -> list[Span]:
    """The gaps between merged spans."""
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

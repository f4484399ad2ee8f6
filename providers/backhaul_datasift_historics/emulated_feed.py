"""Synthetic interactions and the push queue that delivers them, for the emulator."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_WORDS = (
    "fog over the harbor",
    "the ferry is late again",
    'she said \\"full house\\" tonight',
    "caf\\u00e9 on pier 4",
    "na\u00efve r\u00e9sum\u00e9 of the tide",
    "\u706f\u53f0 at dusk \U0001f32b",
    "line one\\nline two \\/ three",
    "\u2028 is a line end to some",
)
_KINDS = ("tumblr", "wordpress", "board")
_NUMBERS = ("0.10", "1e3", "-0", "12345678901234567890", "3.0000000000000001", "1E-07")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """The interactions of one query, generated on demand; deterministic for a seed."""

    seed: int
    query: str
    start: int
    seconds: int
    total: int

    def line(self, index: int) -> bytes:
        """One interaction as DataSift would write it: a line without its newline."""
        mixed = (index * 2654435761 + self.seed) & 0xFFFFFFFF
        moment = time.gmtime(self.start + index * self.seconds // max(self.total, 1))
        created = time.strftime("%a, %d %b %Y %H:%M:%S +0000", moment)
        return (
            f'{{"interaction":{{"id":"{self.query[:8]}{index:012x}","type":"{_KINDS[mixed % 3]}",'
            f'"created_at":"{created}","content":"{_WORDS[mixed >> 8 & 7]} {index}",'
            f'"author":{{"name":"{_WORDS[mixed >> 16 & 7]}","username":"user{mixed % 997}"}}}},'
            f'"salience":{{"content":{{"sentiment":{_NUMBERS[mixed % 6]}}}}}}}'
        ).encode()


@dataclass(kw_only=True)
class Feed:
    """A query's queue as a pull subscription sees it.

    Attributes:
        interactions: all interactions to deliver.
        deliverable: how many are delivered before the query ends.
        step: how many more are available at each pull; None: all at the first.
        quiet_every: every n-th pull finds nothing while more is expected; 0: none.
        waiting: pulls that find nothing before the query starts to run.
        lost: indices of interactions that are discarded before they are pulled.
        window: seconds for which delivered data can be read again.
    """

    interactions: Interactions
    deliverable: int
    step: int | None = None
    quiet_every: int = 0
    waiting: int = 0
    lost: range = range(0)
    window: float = 3600.0
    available: int = 0
    position: int = 0
    last_request: int | None = None
    given: list[tuple[float, int]] = field(default_factory=list)
    pulls: int = 0

    def __post_init__(self) -> None:
        if self.step is None and not self.waiting:
            self.available = self.deliverable

    @property
    def complete(self) -> bool:
        """Whether the query has put all of its interactions into the queue."""
        return self.available >= self.deliverable

    @property
    def drained(self) -> bool:
        """Whether everything available has been delivered once."""
        return self.position >= self.available

    def cursor(self, index: int) -> str:
        """The cursor before an interaction: 32 meaningless digits."""
        return f"{index ^ 0x5EED5EED:016x}{self._mark(index)}"

    def index(self, cursor: str) -> int | None:
        """The index that the cursor points to; None if it is not from this queue."""
        try:
            index = int(cursor[:16], 16) ^ 0x5EED5EED
        except ValueError:
            return None
        return index if cursor == self.cursor(index) else None

    def expired(self, index: int) -> bool:
        """Whether anything after the index was delivered so long ago that it has expired."""
        old = time.monotonic() - self.window
        return index < max((end for moment, end in self.given if moment < old), default=0)

    def pull(self, size: int, start: int, *, held: bool = False) -> tuple[list[bytes], int]:
        """The lines of a batch that starts at the index, and the index after it.

        Args:
            size: bytes after which the batch ends.
            start: index of its first interaction.
            held: nothing more is added to the queue, as the query is paused.
        """
        self.pulls += 1
        self.last_request = int(time.time())
        if held:
            return self._batch(size, start)
        if self.waiting:
            self.waiting -= 1
            return [], start
        more = self.deliverable if self.step is None else self.step
        was_complete = self.complete
        self.available = min(self.deliverable, self.available + more)
        if not was_complete and self.quiet_every and self.pulls % self.quiet_every == 0:
            return [], start
        return self._batch(size, start)

    def note_sent(self, end: int) -> None:
        """The batch up to this index was sent: advance the server's own position."""
        self.position = end
        if not self.given or end > self.given[-1][1]:
            self.given.append((time.monotonic(), end))

    def delivered(self) -> Iterator[bytes]:
        """All lines that the queue delivers, in order: what a client should end up with."""
        return (
            self.interactions.line(index)
            for index in range(self.deliverable)
            if index not in self.lost
        )

    def _batch(self, size: int, start: int) -> tuple[list[bytes], int]:
        lines: list[bytes] = []
        held, index = 0, start
        while index < self.available and held < size:
            if index not in self.lost:
                lines.append(self.interactions.line(index))
                held += len(lines[-1]) + 1
            index += 1
        return lines, index

    def _mark(self, index: int) -> str:
        text = f"{self.interactions.seed}/{self.interactions.query}/{index}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

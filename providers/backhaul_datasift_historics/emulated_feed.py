"""Made-up interactions and the push queue that gives them out, for the emulator."""

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
    """The interactions of one query, made when they are asked for; always the same for a seed."""

    seed: int
    query: str
    start: int
    seconds: int
    total: int

    def line(self, index: int) -> bytes:
        """One interaction as DataSift would write it: one line without its end."""
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
        interactions: what is delivered in all.
        deliverable: how many of them before the query ends.
        step: how many more are there at each pull; None: all at the first.
        quiet_every: one in so many pulls finds nothing, while more will come; 0: none does.
        waiting: pulls that find nothing before the query begins to run.
        lost: indices of interactions that are gone before anybody pulled them.
        window: seconds for which what was given out can be read again.
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
        """Whether all that is there was given out once."""
        return self.position >= self.available

    def cursor(self, index: int) -> str:
        """The cursor that stands before an interaction: 32 digits that tell nothing."""
        return f"{index ^ 0x5EED5EED:016x}{self._mark(index)}"

    def index(self, cursor: str) -> int | None:
        """What the cursor stands before; None when it is not one of this queue."""
        try:
            index = int(cursor[:16], 16) ^ 0x5EED5EED
        except ValueError:
            return None
        return index if cursor == self.cursor(index) else None

    def expired(self, index: int) -> bool:
        """Whether something behind the index was given out so long ago that it is gone."""
        old = time.monotonic() - self.window
        return index < max((end for moment, end in self.given if moment < old), default=0)

    def pull(self, size: int, start: int, *, held: bool = False) -> tuple[list[bytes], int]:
        """The lines of a batch from the index on, and the index behind it.

        Args:
            size: bytes after which the batch ends.
            start: index of its first interaction.
            held: nothing more is put into the queue, since the query is paused.
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

    def gave(self, end: int) -> None:
        """The batch that ends there was sent: the server's own position moves behind it."""
        self.position = end
        if not self.given or end > self.given[-1][1]:
            self.given.append((time.monotonic(), end))

    def delivered(self) -> Iterator[bytes]:
        """Each line that the queue gives out in all, in order: what a client should end up with."""
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

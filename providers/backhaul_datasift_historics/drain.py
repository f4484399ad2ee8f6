"""Pulls a query's queue until it is known to be empty for good.

DataSift keeps a position of its own and moves it with each pull, so a client that only takes what
comes next loses what it had not stored when it died. Here each pull names its cursor, and a cursor
is sent only after everything before it is durable: sent again after a crash, it brings the same
interactions again, up to an hour later (DataSift, reference of pull: Cursor Management).

The one pull that cannot name a cursor is the first. It asks for a single byte, which brings one
interaction at most. That interaction is stored, with the cursor behind it, before the next pull.
Before the first pull is sent, that it will be sent is made durable too: a crash between the two can
cost that one interaction, and is noticed and said. It costs nothing when the queue is still empty,
which is why queries that wait for their turn are drained as well. What comes damaged, or without a
cursor behind it, is pulled again from the cursor before it.

204 only means that nothing waits now. The end is: the query is over, its subscription is over, and
the queue answers 204 once more after both were seen.

An answer whose lines are damaged is pulled again. Damaged every time, it is passed on as received and
marked: behind it the queue continues, and within the hour it would be lost.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING

from backhaul import IDLE, Chunk, NotDataError, ProviderError, ThrottledError, UnreachableError
from backhaul_datasift_historics.api import Api
from backhaul_datasift_historics.formats import to_lines
from backhaul_datasift_historics.position import Position

if TYPE_CHECKING:
    from requests import Response

_LOG = logging.getLogger(__name__)
_SHORTEST = 1.0
_THROTTLED = 30.0
_TRIES = 10
_READS = 3
_CURRENT, _NEXT = "X-DataSift-Cursor-Current", "X-DataSift-Cursor-Next"
_GONE = "no longer available"
"""What DataSift says, with a 400, of a cursor that is more than an hour old."""


@dataclass(kw_only=True)
class Drain:
    """The drain of one query's queue.

    Attributes:
        size: bytes to ask for in one pull.
        gap: seconds between two pulls at least.
        poll: seconds between two looks at an empty queue at most.
        linger: seconds after which an empty queue ends it though the subscription does not say that
            it is finished: nothing waits in a queue for longer than an hour.
    """

    api: Api
    query: str
    position: Position
    size: int
    gap: float
    poll: float
    linger: float = 3600.0
    _next_pull: float = field(default=0.0, init=False)
    _pause: float = field(default=0.0, init=False)
    _empty_since: float | None = field(default=None, init=False)
    _fell: bool = field(default=False, init=False)
    _some: bool = field(default=False, init=False)  # interactions came
    _said: set[str] = field(default_factory=set, init=False)
    _stored: str | None = field(default=None, init=False)
    _reads: int = field(default=0, init=False)  # of the same cursor, 204s not counted

    def chunks(self, *, begun: bool) -> Iterator[Chunk]:
        """The interactions as JSON Lines, each Chunk with the position after it.

        ``IDLE`` says that nothing waits now.

        Args:
            begun: whether ``position`` was stored by an earlier drain.

        Raises:
            ThrottledError, AuthError, UnreachableError: DataSift does not answer; continue later.
        """
        if begun and self.position.cursor is None:
            self._warn(
                "an earlier run ended at the very first pull of %s: one interaction may be missing",
                self.position.subscription,
            )
        self._stored = str(self.position) if begun else None
        # An earlier run may have pulled a moment ago.
        self._next_pull = monotonic() + (self.gap if begun else 0.0)
        over = False
        while True:
            if self.position.cursor is None:
                yield from self._find_the_beginning()
            before = self.position
            chunk = self._next() if before.cursor is not None else None
            if chunk is not None:
                self._came(chunk)
                yield chunk
                continue
            if over and self.position == before:
                if not self._some and not begun:
                    self._warn(
                        "the queue of %s gave nothing; if the query has data: what was pulled"
                        " before, for another archive say, is not given a second time",
                        self.position.subscription,
                    )
                return
            over = over or self._is_over()
            if not over:
                yield self._here()
                self._rest()

    def _find_the_beginning(self) -> Iterator[Chunk]:
        """The first pull: takes one interaction at most, and learns the cursor of what comes next."""
        if self._stored != str(self.position):
            yield self._here()
        answer = self._pull(1)
        if answer.status_code == HTTPStatus.BAD_REQUEST:
            raise ProviderError(f"DataSift refuses the pull: {answer.text[:200]!r}")
        current = answer.headers.get(_CURRENT)
        chunk = None
        try:
            if answer.status_code == HTTPStatus.OK:
                chunk = self._taken(answer, last=not current)
        except NotDataError as error:
            if not current:
                raise
            _LOG.info("%s; pulling it again", error)
        if chunk is not None:
            self._came(chunk)
            yield chunk
            return
        if current and self.position.cursor is None:
            self.position = Position(self.position.subscription, current)
        if self.position.cursor is not None:
            yield self._here()
        elif answer.status_code == HTTPStatus.OK:
            raise NotDataError(f"a pull answered without {_CURRENT}: it could not be resumed")

    def _came(self, chunk: Chunk) -> None:
        """There was something in the queue."""
        self._stored = chunk.cursor
        self._pause, self._empty_since, self._fell, self._some = 0.0, None, False, True

    def _here(self) -> Chunk:
        """The position as it is now, to be stored; `IDLE` when it is stored already."""
        here = str(self.position)
        if here == self._stored:
            return IDLE
        self._stored = here
        return Chunk(b"", here)

    def _next(self) -> Chunk | None:
        """What waits behind the position, which moves on; None when nothing does."""
        while True:
            answer = self._pull(self.size)
            if answer.status_code == HTTPStatus.BAD_REQUEST:
                self._fall_behind(answer)
                return None
            if answer.status_code != HTTPStatus.OK:
                return None
            self._reads += 1
            last = self._reads == _READS
            try:
                chunk = self._taken(answer, last=last)
            except NotDataError as error:
                # The same cursor brings the same again, whole this time perhaps.
                if last:
                    raise
                _LOG.info("%s; pulling it again", error)
            else:
                self._reads = 0
                return chunk

    def _taken(self, answer: "Response", *, last: bool) -> Chunk | None:
        """The answer as a Chunk; a damaged one only if it is the last try."""
        following = answer.headers.get(_NEXT)
        named = answer.headers.get("X-DataSift-Format", "").lower()
        damaged = False
        try:
            data = to_lines(answer.content, named)
        except NotDataError as error:
            if not last:
                raise
            data = to_lines(answer.content, named, strict=False)
            damaged = True
            _LOG.warning("%s, on each of %d attempts; it is kept as received", error, _READS)
        if data and following in {None, "", self.position.cursor}:
            raise NotDataError(
                f"a pull answered data without a new {_NEXT}: it could not be resumed"
            )
        if following:
            self.position = Position(self.position.subscription, following)
        return Chunk(data, str(self.position), damaged=damaged) if data else None

    def _pull(self, size: int) -> "Response":
        until = monotonic() + self.api.patience
        for attempt in range(_TRIES):
            self.api.wait(self._next_pull - monotonic())
            try:
                return self.api.pull(
                    self.position.subscription, size=size, cursor=self.position.cursor
                )
            except ThrottledError as error:
                seconds = min(error.retry_after or _THROTTLED, max(self.poll, self.gap))
                if attempt == _TRIES - 1 or monotonic() + seconds > until:
                    raise
                _LOG.info("%s: waiting %.1f s", error, seconds)
                self.api.wait(seconds)
            finally:
                self._next_pull = monotonic() + self.gap
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _fall_behind(self, answer: "Response") -> None:
        """The stored cursor is too old: continue with what the queue still has, and say so."""
        if _GONE not in answer.text or self._fell:
            raise ProviderError(f"DataSift refuses the pull: {answer.text[:200]!r}")
        self._warn(
            "the last pull of %s is more than an hour ago, and the queue keeps an hour: "
            "what came before that is lost; going on with what is there",
            self.position.subscription,
        )
        self.position = Position(self.position.subscription)
        self._fell = True

    def _is_over(self) -> bool:
        """Whether nothing more will be put into the queue. Asked for only when it is empty."""
        now = monotonic()
        self._empty_since = now if self._empty_since is None else self._empty_since
        try:
            subscription = self.api.subscription(self.position.subscription)
            if not subscription.over and self._pause < self.poll:
                return False  # the dearer question can wait
            query = self.api.query(self.query)
        except (NotDataError, ThrottledError, UnreachableError) as error:
            # Pulls do not need the answer: continue, so that nothing waits for an hour meanwhile.
            _LOG.warning("cannot ask how far the query is: %s", error)
            return False
        if subscription.paused:
            self._warn("the subscription %s is paused: resume it", subscription.id)
        if query.terminal and subscription.over:
            return True
        if query.terminal and now - self._empty_since >= self.linger:
            self._warn("the subscription %s does not end, yet its queue is empty", subscription.id)
            return True
        return False

    def _rest(self) -> None:
        self._pause = min(max(self._pause * 2, min(_SHORTEST, self.poll)), self.poll)
        self.api.wait(self._pause)

    def _warn(self, message: str, subscription: str) -> None:
        if message not in self._said:
            self._said.add(message)
            _LOG.warning(message, subscription)

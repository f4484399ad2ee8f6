"""Pull a query's queue until it is known to be empty for good.

DataSift keeps its own position and advances it with each pull, so a client that only takes the next
batch loses whatever it had not stored when it crashed. Here each pull sends a cursor, and only once
everything before that cursor is durable. Sent again after a crash, a cursor returns the same
interactions for up to an hour (DataSift's pull reference, Cursor Management).

Only the first pull has no cursor to send. It requests a single byte, which returns at most one
interaction. That interaction is stored with the next cursor before the next pull. The intent to make
the first pull is made durable beforehand: a crash between the two can lose that one interaction, and
the next run detects and reports it. Nothing is lost if the queue is still empty, which is why
queries that are still waiting are drained too. A batch that is damaged or lacks the next cursor is
pulled again from its own cursor.

204 only means that the queue is empty now. The drain ends when the query is over, its subscription
is over, and the queue returns 204 once more after both were observed.

A batch with damaged lines is pulled again. If it is damaged every time, it is stored as received and
marked: the queue continues after it, and would be lost within the hour.
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
"""Part of DataSift's 400 response for a cursor that is more than an hour old."""


@dataclass(kw_only=True)
class Drain:
    """The drain of one query's queue.

    Attributes:
        size: bytes to request per pull.
        gap: minimum seconds between two pulls.
        poll: maximum seconds between two polls of an empty queue.
        linger: seconds after which an empty queue ends the drain even if the subscription is not
            finished: the queue keeps nothing for longer than an hour.
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
    _some: bool = field(default=False, init=False)  # received any interactions
    _said: set[str] = field(default_factory=set, init=False)
    _stored: str | None = field(default=None, init=False)
    _reads: int = field(default=0, init=False)  # reads of the same cursor, not counting 204s

    def chunks(self, *, begun: bool) -> Iterator[Chunk]:
        """The interactions as JSON Lines, each Chunk with the position after it.

        ``IDLE`` means that the queue is empty at the moment.

        Args:
            begun: whether ``position`` was stored by an earlier drain.

        Raises:
            ThrottledError, AuthError, UnreachableError: DataSift refuses or does not respond;
                continue later.
        """
        if begun and self.position.cursor is None:
            self._warn(
                "an earlier run ended during the first pull from %s: one interaction may be missing",
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
                self._note_data(chunk)
                yield chunk
                continue
            if over and self.position == before:
                if not self._some and not begun:
                    self._warn(
                        "the queue of %s was empty; if the query has data, it may have been pulled"
                        " before, and the queue returns it only once",
                        self.position.subscription,
                    )
                return
            over = over or self._is_over()
            if not over:
                yield self._here()
                self._rest()

    def _find_the_beginning(self) -> Iterator[Chunk]:
        """Make the first pull: take at most one interaction, and learn the next cursor."""
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
            _LOG.info("%s; retrying the pull", error)
        if chunk is not None:
            self._note_data(chunk)
            yield chunk
            return
        if current and self.position.cursor is None:
            self.position = Position(self.position.subscription, current)
        if self.position.cursor is not None:
            yield self._here()
        elif answer.status_code == HTTPStatus.OK:
            raise NotDataError(
                f"the pull response has no {_CURRENT} header, so pulling could not be resumed"
            )

    def _note_data(self, chunk: Chunk) -> None:
        """Note that the queue returned data."""
        self._stored = chunk.cursor
        self._pause, self._empty_since, self._fell, self._some = 0.0, None, False, True

    def _here(self) -> Chunk:
        """The current position, to be stored; `IDLE` if it already is."""
        here = str(self.position)
        if here == self._stored:
            return IDLE
        self._stored = here
        return Chunk(b"", here)

    def _next(self) -> Chunk | None:
        """The next batch, advancing the position; None if the queue is empty."""
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
                # The same cursor returns the same batch, perhaps undamaged this time.
                if last:
                    raise
                _LOG.info("%s; retrying the pull", error)
            else:
                self._reads = 0
                return chunk

    def _taken(self, answer: "Response", *, last: bool) -> Chunk | None:
        """The response as a Chunk; a damaged one is accepted only on the last try."""
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
            _LOG.warning("%s, on each of %d attempts; storing it as received", error, _READS)
        if data and following in {None, "", self.position.cursor}:
            raise NotDataError(
                f"the pull returned data without a new {_NEXT}, so pulling could not be resumed"
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
        """The stored cursor is too old: warn, and continue with what the queue still has."""
        if _GONE not in answer.text or self._fell:
            raise ProviderError(f"DataSift refuses the pull: {answer.text[:200]!r}")
        self._warn(
            "the last pull from %s was more than an hour ago, and the queue keeps only an hour: "
            "earlier interactions are lost; continuing with what is left",
            self.position.subscription,
        )
        self.position = Position(self.position.subscription)
        self._fell = True

    def _is_over(self) -> bool:
        """Whether the queue will receive nothing more. Called only when it is empty."""
        now = monotonic()
        self._empty_since = now if self._empty_since is None else self._empty_since
        try:
            subscription = self.api.subscription(self.position.subscription)
            if not subscription.over and self._pause < self.poll:
                return False  # the more expensive call can wait
            query = self.api.query(self.query)
        except (NotDataError, ThrottledError, UnreachableError) as error:
            # Pulls do not depend on this: continue, so that nothing in the queue expires.
            _LOG.warning("cannot get the query's progress: %s", error)
            return False
        if subscription.paused:
            self._warn("subscription %s is paused: resume it", subscription.id)
        if query.terminal and subscription.over:
            return True
        if query.terminal and now - self._empty_since >= self.linger:
            self._warn(
                "subscription %s has not finished, but its queue stays empty; not waiting any longer",
                subscription.id,
            )
            return True
        return False

    def _rest(self) -> None:
        self._pause = min(max(self._pause * 2, min(_SHORTEST, self.poll)), self.poll)
        self.api.wait(self._pause)

    def _warn(self, message: str, subscription: str) -> None:
        if message not in self._said:
            self._said.add(message)
            _LOG.warning(message, subscription)

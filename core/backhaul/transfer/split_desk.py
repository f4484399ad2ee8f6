"""Large files fetched in pieces: who fetches which, and what becomes of the file."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pycurl

from backhaul.backoff import delay
from backhaul.errors import FailureKind
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.body import DATA, Body
from backhaul.transfer.coding import is_of_file
from backhaul.transfer.curl_errors import explain
from backhaul.transfer.handle import Handle
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.judge import content_failure, judge
from backhaul.transfer.part import BLOCK
from backhaul.transfer.pieces import LARGE, Piece, Split
from backhaul.transfer.queues import Queues
from backhaul.transfer.ranges import PARTIAL, part_of
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.redirect import STATUSES, RedirectRefused, follow
from backhaul.transfer.unit import Counters, Failure, origin

ERROR_BODY = 1 << 16  # bytes of an answer that is no data that are kept to tell of it
_ERROR = 400
AT_ONCE = 2  # files that are verified at a time, each by a worker thread


class SplitDesk:
    """Splits bodies that turn out large, and puts idle connections to work on them.

    Args:
        queues, counters, backlog, rate: the engine's.
        retries: the engine's; twice as many answers in a row may bring too little, over all
            connections of a file, and two more.
        launch: starts a request of a body for an owner, with headers.
        abort: ends a body's requests and begins no more.
        whole: told when a file is here.
        failed: told when an attempt failed, finally or until a retry.
    """

    def __init__(
        self,
        queues: Queues,
        counters: Counters,
        backlog: Backlog,
        rate: RateLimit,
        *,
        retries: int,
        launch: Callable[[Host, Body, Piece, Sequence[str]], None],
        abort: Callable[[Body], None],
        whole: Callable[[Body], None],
        failed: Callable[[Body, Failure], None],
    ) -> None:
        self._queues = queues
        self._counters = counters
        self._backlog = backlog
        self._rate = rate
        self._tries = 2 * retries + 2
        self._launch = launch
        self._abort = abort
        self._whole = whole
        self._failed = failed

    def consider(self, handle: Handle, body: Body) -> None:
        """Splits a body that has just turned out large, if the server can give parts of it.

        The connection that brought its beginning becomes the first piece.
        """
        binding = body.binding
        length = body.expected
        if (
            length is None
            or length < LARGE
            or binding is None
            or not body.resumable
            or body.offset != 0
            or "bytes" not in Head.parse(handle.headers).headers.get("accept-ranges", "")
        ):
            return
        split = Split(length)
        body.split = split
        split.redirected = body.hops > 0
        piece = split.take(body.url)
        while piece.end < body.size:
            split.extend(piece)
        piece.position = body.size
        piece.checked = True
        if body.part is not None:
            body.part.flush()
            body.binding = replace(binding, pieces=True)
            body.part.bind(body.binding)
        handle.piece = piece
        self._queues.split.add(body)

    def start(self, connections: int, now: float) -> float:
        """Puts idle connections to work; says in how many seconds more may be done."""
        hosts = self._queues.hosts
        wait = 60.0
        for host in hosts.values():
            host.more = False
        bodies = sorted(self._queues.split, key=lambda body: (body.transfer.rank, body.number))
        waiting = [(body, body.split) for body in bodies if body.split and body.split.pending]
        for body, _ in waiting:
            hosts[body.origin].more = True
        while waiting:
            # As many files as can be verified at a time, each with as many connections.
            body, split = file = min(waiting[:AT_ONCE], key=lambda file: len(file[1].running))
            host = hosts[body.origin]
            asking = split.redirected and not body.hops and split.running
            if host.active >= host.limit or host.ready or asking:
                waiting.remove(file)  # its turn comes when another request is over
                continue
            pause = max(split.not_before - now, host.wait(now))
            if pause > 0:
                wait = min(wait, pause)
                waiting.remove(file)
                continue
            if self._counters.active >= connections:
                break
            piece = split.take(body.url)
            self._launch(host, body, piece, _range_headers(body, piece))
            if not split.pending:
                waiting.remove(file)
        return wait

    # -- receiving ----------------------------------------------------------------------------------

    def on_data(self, handle: Handle, body: Body, piece: Piece, data: bytes) -> int | None:
        """Takes bytes of a piece; says what libcurl's write callback says."""
        part, split = body.part, body.split
        if part is None or split is None or part.error is not None:
            return 0
        if not piece.checked:
            head = Head.parse(handle.headers)
            piece.checked = _fits(body, piece, head)
            if not piece.checked:
                if sum(map(len, piece.error)) < ERROR_BODY:
                    piece.error.append(data)
                return 0 if head.status in DATA else None
        if self._backlog.full:
            self._backlog.pause(handle.resume)
            return pycurl.WRITEFUNC_PAUSE
        if self._rate.limited and self._rate.wait(time.monotonic()) > 0:
            self._rate.pause(handle.resume)
            return pycurl.WRITEFUNC_PAUSE
        return self._take(body, piece, split, data)

    def _take(self, body: Body, piece: Piece, split: Split, data: bytes) -> int | None:
        over = 0
        while piece.position + len(data) - over > piece.end:
            if not split.extend(piece):
                over = piece.position + len(data) - piece.end
                data = data[: len(data) - over]
                break
        size = len(data)
        if size:
            piece.held.append(data)
            piece.held_size += size
            piece.position += size
            piece.received += size
            self._counters.bytes += size
            if self._rate.limited:
                self._rate.spend(size, time.monotonic())
            if piece.held_size >= BLOCK or piece.complete:
                body.write(piece)
        if over:
            return 0
        return None

    # -- ending -------------------------------------------------------------------------------------

    def over(self, handle: Handle, body: Body, piece: Piece, error: int, message: str) -> None:
        """A connection that fetched a piece is over."""
        host = self._queues.hosts[origin(piece.url)]
        split = body.split
        now = time.monotonic()
        if split is None or piece not in split.running:
            host.finished(now, piece.received, good=False)
            return
        body.write(piece)
        split.give_back(piece)
        head = Head.parse(handle.headers)
        redirected = error == 0 and head.status in STATUSES
        host.finished(now, piece.received, good=piece.complete or redirected)
        if body.part is not None and body.part.error is not None:
            self._end(body, content_failure(body.part.error))
            return
        if piece.complete:
            body.stale_attempts = 0
            if split.complete:
                self._queues.split.discard(body)
                self._whole(body)
            return
        if redirected:
            self._redirect(body, piece, head)
        elif not piece.checked and _denies(body, head):
            self._abort(body)
            body.distrust()
            self._queues.put(body)
        else:
            failure = _failure(host, body, piece, head, error=error, message=message)
            self._retry(host, body, piece, failure, ended=error == 0)

    def _retry(
        self, host: Host, body: Body, piece: Piece, failure: Failure, *, ended: bool
    ) -> None:
        """An answer was not the piece, or not all of it; ``ended``: it came to its own end."""
        now = time.monotonic()
        if failure.pushback:
            host.pushed_back(now, failure.retry_after)
        body.stale_attempts = 0 if piece.progressed else body.stale_attempts + 1
        if ended and piece.checked and piece.progressed:
            return  # the server gave less than it was asked for; the rest is pending again
        patient = body.stale_attempts <= self._tries
        if body.split is not None and failure.retry and not failure.fresh and patient:
            pause = delay(max(0, body.stale_attempts - 1), failure.retry_after, rng=random.random)
            body.split.not_before = max(body.split.not_before, now + pause)
            return
        self._end(body, failure)

    def _redirect(self, body: Body, piece: Piece, head: Head) -> None:
        """What a piece was asked of leads elsewhere: all others are asked for there."""
        if piece.url != body.url:
            return  # another one has found the way
        try:
            target = follow(body.url, head.headers.get("location", ""), body.hops)
        except RedirectRefused as refusal:
            self._end(body, Failure(kind=FailureKind.NOT_DATA, message=str(refusal)))
            return
        if body.split is not None:
            body.split.redirected = True
        body.hops += 1
        body.next_hop(target)
        self._queues.host(body.origin)

    def _end(self, body: Body, failure: Failure) -> None:
        self._abort(body)
        self._failed(body, failure)


def _range_headers(body: Body, piece: Piece) -> list[str]:
    validator = body.binding.validator if body.binding else None
    return [f"Range: bytes={piece.start}-{piece.end - 1}", f"If-Range: {validator}"]


def _fits(body: Body, piece: Piece, head: Head) -> bool:
    """Whether an answer is the part that was asked for, of the content that is here."""
    if head.status != PARTIAL or body.binding is None or body.split is None:
        return False
    part = part_of(head.headers)
    of_file = is_of_file(head.headers, body.transfer.file)
    if part is None or not of_file or not body.binding.agrees(head.headers):
        return False
    # A part may be shorter than asked for (RFC 9110, section 15.3.7).
    return part.start == piece.start and part.end <= piece.end and part.fits(body.split.length)


def _denies(body: Body, head: Head) -> bool:
    """Whether a server that offered parts of a file does not give them after all."""
    same = body.binding is not None and body.binding.agrees(head.headers)
    return head.status == PARTIAL or (head.status in DATA and same)


def _failure(
    host: Host, body: Body, piece: Piece, head: Head, *, error: int, message: str
) -> Failure:
    if head.status >= _ERROR:
        body.error = piece.error
        return judge(host, body, head, error=0, message=message)
    if error and error != pycurl.E_WRITE_ERROR:
        size = piece.end - piece.start
        return explain(error, message, host=host.name, received=piece.received, expected=size)
    if head.status in DATA and not piece.checked:
        return Failure(
            kind=FailureKind.CHANGED,
            message="changed while it was being fetched",
            retry=True,
            fresh=True,
        )
    if piece.checked:
        return Failure(
            kind=FailureKind.TRUNCATED,
            message="the server sent less than the range requested",
            retry=True,
        )
    body.error = piece.error
    return judge(host, body, head, error=0, message=message)

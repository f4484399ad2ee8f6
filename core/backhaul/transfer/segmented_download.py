"""Fetches large files in segments: assigns segments to connections and tracks the file."""

import random
import time
from collections.abc import Callable
from dataclasses import replace

import pycurl

from backhaul.backoff import delay
from backhaul.errors import FailureKind
from backhaul.statuses import ERROR, PARTIAL, REDIRECTS
from backhaul.transfer.body import DATA, Body
from backhaul.transfer.coding import is_of_file
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.failures import explain, judge
from backhaul.transfer.handle import Handle
from backhaul.transfer.head import Head
from backhaul.transfer.hosts import Host
from backhaul.transfer.part import BLOCK
from backhaul.transfer.ranges import part_of
from backhaul.transfer.redirect import RedirectRefused, follow
from backhaul.transfer.segments import LARGE, Segment, SegmentMap
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure, origin

ERROR_BODY = 1 << 16  # bytes kept of an answer that is not data, for the message
AT_ONCE = 2  # files verified at a time, each by a worker thread


class SegmentedDownload:
    """Splits bodies that turn out large and assigns idle connections to them.

    Args:
        shared: the engine's.
        retries: the engine's; over all connections of a file, twice as many consecutive responses, plus
            two, may bring too little.
        whole: called when a file is complete.
        failed: called when an attempt failed, finally or until a retry.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        retries: int,
        whole: Callable[[Body], None],
        failed: Callable[[Body, Failure], None],
    ) -> None:
        self._queues = shared.queues
        self._counters = shared.counters
        self._backlog = shared.backlog
        self._rate = shared.rate
        self._connections = shared.connections
        self._tries = 2 * retries + 2
        self._whole = whole
        self._failed = failed

    def split_if_large(self, handle: Handle, body: Body) -> None:
        """Splits a body that has just turned out large, if the server supports ranges.

        The connection that received its beginning becomes the first segment.
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
        segment_map = SegmentMap(length)
        body.segment_map = segment_map
        segment_map.redirected = body.hops > 0
        segment = segment_map.take(body.url)
        while segment.end < body.size:
            segment_map.extend(segment)
        segment.position = body.size
        segment.checked = True
        if body.part is not None:
            body.part.flush()
            body.binding = replace(binding, segments=True)
            body.part.bind(body.binding)
        handle.segment = segment
        self._queues.segmented.add(body)

    def start(self, connections: int, now: float) -> float:
        """Assigns idle connections; returns the seconds until more can be done."""
        hosts = self._queues.hosts
        wait = 60.0
        for host in hosts.values():
            host.more = False
        bodies = sorted(
            self._queues.segmented, key=lambda body: (body.transfer.priority, body.number)
        )
        waiting = [
            (body, body.segment_map)
            for body in bodies
            if body.segment_map and body.segment_map.pending
        ]
        for body, _ in waiting:
            hosts[body.origin].more = True
        while waiting:
            # As many files as can be verified at a time share the connections evenly.
            body, segment_map = file = min(waiting[:AT_ONCE], key=lambda file: len(file[1].running))
            host = hosts[body.origin]
            asking = segment_map.redirected and not body.hops and segment_map.running
            if host.active >= host.limit or host.ready or asking:
                waiting.remove(file)  # continued when another request ends
                continue
            pause = max(segment_map.not_before - now, host.wait(now), self._queues.until_turn(body))
            if pause > 0:
                wait = min(wait, pause)
                waiting.remove(file)
                continue
            if self._counters.active >= connections:
                break
            segment = segment_map.take(body.url)
            self._connections.launch(host, body, segment, _range_headers(body, segment))
            if not segment_map.pending:
                waiting.remove(file)
        return wait

    # -- receiving ----------------------------------------------------------------------------------

    def on_data(self, handle: Handle, body: Body, segment: Segment, data: bytes) -> int | None:
        """Takes data of a segment; returns the result of libcurl's write callback."""
        part, segment_map = body.part, body.segment_map
        if part is None or segment_map is None or part.error is not None:
            return 0
        if not segment.checked:
            head = Head.parse(handle.headers)
            segment.checked = _fits(body, segment, head)
            if not segment.checked:
                if sum(map(len, segment.error)) < ERROR_BODY:
                    segment.error.append(data)
                return 0 if head.status in DATA else None
        if not handle.resuming:
            if self._backlog.full:
                self._backlog.pause(handle.resume, part)
                return pycurl.WRITEFUNC_PAUSE
            if self._rate.limited and self._rate.wait(time.monotonic()) > 0:
                self._rate.pause(handle.resume)
                return pycurl.WRITEFUNC_PAUSE
        return self._take(body, segment, segment_map, data)

    def _take(
        self, body: Body, segment: Segment, segment_map: SegmentMap, data: bytes
    ) -> int | None:
        over = 0
        while segment.position + len(data) - over > segment.end:
            if not segment_map.extend(segment):
                over = segment.position + len(data) - segment.end
                data = data[: len(data) - over]
                break
        size = len(data)
        if size:
            segment.held.append(data)
            segment.held_size += size
            segment.position += size
            segment.received += size
            self._counters.bytes += size
            if self._rate.limited:
                self._rate.spend(size, time.monotonic())
            if segment.held_size >= BLOCK or segment.complete:
                body.write(segment)
        if over:
            return 0
        return None

    # -- ending -------------------------------------------------------------------------------------

    def over(self, handle: Handle, body: Body, segment: Segment, error: int, message: str) -> None:
        """A connection that fetched a segment has ended."""
        host = self._queues.hosts[origin(segment.url)]
        segment_map = body.segment_map
        now = time.monotonic()
        if segment_map is None or segment not in segment_map.running:
            host.finished(now, segment.received, good=False)
            return
        body.write(segment)
        segment_map.give_back(segment)
        head = handle.head()
        redirected = error == 0 and head.status in REDIRECTS
        host.finished(now, segment.received, good=segment.complete or redirected)
        if body.part is not None and body.part.error is not None:
            self._end(body, content_failure(body.part.error))
            return
        if segment.complete:
            body.stale_attempts = 0
            if segment_map.complete:
                self._queues.segmented.discard(body)
                self._whole(body)
            return
        if redirected:
            self._redirect(body, segment, head)
        elif not segment.checked and _refuses_ranges(body, head):
            self._connections.abort(body)
            body.restart_without_ranges()
            self._queues.put(body)
        else:
            failure = _failure(host, body, segment, head, error=error, message=message)
            self._retry(host, body, segment, failure, ended=error == 0)

    def _retry(
        self, host: Host, body: Body, segment: Segment, failure: Failure, *, ended: bool
    ) -> None:
        """A response was not the segment, or not all of it; ``ended``: it was complete."""
        now = time.monotonic()
        if failure.pushback:
            host.pushed_back(now, failure.retry_after)
        body.stale_attempts = 0 if segment.progressed else body.stale_attempts + 1
        if ended and segment.checked and segment.progressed:
            return  # the server sent less than requested; the rest is pending again
        patient = body.stale_attempts <= self._tries
        if body.segment_map is not None and failure.retry and not failure.fresh and patient:
            pause = delay(max(0, body.stale_attempts - 1), failure.retry_after, rng=random.random)
            body.segment_map.not_before = max(body.segment_map.not_before, now + pause)
            return
        self._end(body, failure)

    def _redirect(self, body: Body, segment: Segment, head: Head) -> None:
        """A segment's request was redirected: all others go there too."""
        if segment.url != body.url:
            return  # another segment has followed the redirect
        try:
            target = follow(body.url, head.headers.get("location", ""), body.hops)
        except RedirectRefused as refusal:
            self._end(body, Failure(kind=FailureKind.NOT_DATA, message=str(refusal)))
            return
        if body.segment_map is not None:
            body.segment_map.redirected = True
        body.hops += 1
        body.next_hop(target)
        self._queues.host(body.origin)

    def _end(self, body: Body, failure: Failure) -> None:
        self._connections.abort(body)
        self._failed(body, failure)


def _range_headers(body: Body, segment: Segment) -> list[str]:
    validator = body.binding.validator if body.binding else None
    return [f"Range: bytes={segment.start}-{segment.end - 1}", f"If-Range: {validator}"]


def _fits(body: Body, segment: Segment, head: Head) -> bool:
    """Whether a response is the requested range of the existing content."""
    if head.status != PARTIAL or body.binding is None or body.segment_map is None:
        return False
    part = part_of(head.headers)
    of_file = is_of_file(head.headers, body.transfer.file)
    if part is None or not of_file or not body.binding.agrees(head.headers):
        return False
    # A range may be shorter than requested (RFC 9110, section 15.3.7).
    return (
        part.start == segment.start
        and part.end <= segment.end
        and part.fits(body.segment_map.length)
    )


def _refuses_ranges(body: Body, head: Head) -> bool:
    """Whether a server that announced ranges does not support them after all."""
    same = body.binding is not None and body.binding.agrees(head.headers)
    return head.status == PARTIAL or (head.status in DATA and same)


def _failure(
    host: Host, body: Body, segment: Segment, head: Head, *, error: int, message: str
) -> Failure:
    if head.status >= ERROR:
        body.error = segment.error
        return judge(host, body, head, error=0, message=message)
    if error and error != pycurl.E_WRITE_ERROR:
        size = segment.end - segment.start
        return explain(error, message, host=host.name, received=segment.received, expected=size)
    if head.status in DATA and not segment.checked:
        return Failure(
            kind=FailureKind.CHANGED, message="changed during the transfer", retry=True, fresh=True
        )
    if segment.checked:
        return Failure(
            kind=FailureKind.TRUNCATED,
            message="the server sent less than the requested range",
            retry=True,
        )
    body.error = segment.error
    return judge(host, body, head, error=0, message=message)

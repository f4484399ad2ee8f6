"""Handles completed requests."""

import time
from collections.abc import Callable, Mapping

import pycurl

from backhaul.backoff import parse_date
from backhaul.descriptors import is_scarce
from backhaul.errors import FailureKind
from backhaul.statuses import REDIRECTS
from backhaul.transfer.body import DATA, Body
from backhaul.transfer.checksum_files import ChecksumFiles
from backhaul.transfer.condition import NOT_MODIFIED, is_unchanged
from backhaul.transfer.content_failures import scarce
from backhaul.transfer.failures import judge, part_failure
from backhaul.transfer.handle import Handle
from backhaul.transfer.hosts import Host
from backhaul.transfer.outcome import Unchanged
from backhaul.transfer.redirect import RedirectRefused, follow
from backhaul.transfer.retry import Retry
from backhaul.transfer.segmented_download import SegmentedDownload
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure
from backhaul.transfer.verification import Verification


class Completion:
    """Decides whether a completed request leads to verification, a redirect, a retry or failure.

    Args:
        shared: the engine's.
        segmented: receives requests for a segment.
        verification: receives complete bodies.
        checksums: receives checksum files.
        retry: receives failed attempts.
        scarce: called with the time if there were no descriptors left for a connection.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        segmented: SegmentedDownload,
        verification: Verification,
        checksums: ChecksumFiles,
        retry: Retry,
        scarce: Callable[[float], None],
    ) -> None:
        self._report = shared.report
        self._table = shared.table
        self._queues = shared.queues
        self._connections = shared.connections
        self._counters = shared.counters
        self._segmented = segmented
        self._verification = verification
        self._checksums = checksums
        self._retry = retry
        self._fewer = scarce

    def over(self, handle: Handle, error: int, message: str) -> None:
        """A request has completed; ``error`` is libcurl's, 0 if the exchange succeeded."""
        body, segment = handle.owner, handle.segment
        message = handle.words(error, message)
        starved = self._is_starved(handle, error)
        handle.release()
        self._connections.idle.append(handle)
        if body is None:
            return
        self._counters.active -= 1
        if segment is not None:
            self._segmented.over(handle, body, segment, error, message)
            return
        now = time.monotonic()
        host = self._queues.hosts[body.origin]
        if error == 0 and body.offset >= 0 and not body.cut and not body.short:
            host.finished(now, body.received, good=True)
            self._whole(handle, body)
            return
        head = handle.head()
        if error == 0 and body.offset == -1 and head.status in DATA:
            body.accept(head.status, head.headers)  # a response without a body
            if body.offset == 0 and not body.cut:
                host.finished(now, 0, good=True)
                self._whole(handle, body)
                return
        if body.misfit or (error == 0 and body.offset >= 0):
            self._unfinished(host, body)
            return
        _note_clock(host, head.headers)
        unchanged = head.status == NOT_MODIFIED and body.transfer.validator is not None
        if error == 0 and (unchanged or head.status in REDIRECTS):
            host.finished(now, 0, good=True)
            (self._not_modified if unchanged else self._redirect)(body, head.headers)
            return
        host.finished(now, body.received, good=False)
        body.bind(handle.headers)
        own = scarce()._replace(fresh=False) if starved else None
        failure = own or judge(host, body, head, error=error, message=message)
        if failure.pushback:
            host.pushed_back(now, failure.retry_after)
        self._retry.lost(body, failure)

    def _whole(self, handle: Handle, body: Body) -> None:
        if body.ahead is not None:
            self._checksums.complete(body)
        elif body.refusal is not None:
            self._retry.failed(body, body.refusal)
        else:
            self._verification.whole(handle, body)

    def _is_starved(self, handle: Handle, error: int) -> bool:
        """Whether no descriptor was left for the connection; reduces the number of connections."""
        starved = bool(error) and is_scarce(handle.curl.getinfo(pycurl.OS_ERRNO))
        if starved:
            self._fewer(time.monotonic())
        return starved

    def _unfinished(self, host: Host, body: Body) -> None:
        """A response is complete but is not what was requested, or not all of it."""
        fits = not body.misfit
        advanced = fits and not body.cut and body.advance()
        host.finished(time.monotonic(), body.received, good=advanced)
        if advanced:
            # A range may be shorter than requested (RFC 9110, section 15.3.7): continue with the rest.
            body.begin(body.transfer)
        elif body.misfit and body.size:
            body.restart_without_ranges()
        else:
            self._retry.lost(body, part_failure(body))
            return
        self._queues.put(body)

    def _not_modified(self, body: Body, headers: Mapping[str, str]) -> None:
        """Handles a 304; if it does not match the existing file, the file is fetched."""
        if is_unchanged(body.transfer, headers):
            if body.part is not None:
                body.part.discard()
            self._table.remove(body)
            self._report(Unchanged(body.transfer))
            return
        body.begin(body.transfer._replace(validator=None))
        self._queues.put(body)

    def _redirect(self, body: Body, headers: Mapping[str, str]) -> None:
        try:
            target = follow(body.url, headers.get("location", ""), body.hops)
        except RedirectRefused as refusal:
            failure = Failure(kind=FailureKind.NOT_DATA, message=str(refusal))
            self._retry.failed(body, failure)
            return
        body.hops += 1
        body.take_cookies(headers.get("set-cookie", ""))
        body.next_hop(target)
        self._queues.put(body)


def _note_clock(host: Host, headers: Mapping[str, str]) -> None:
    date = parse_date(headers.get("date"))
    if date is not None:
        host.offset = date - time.time()

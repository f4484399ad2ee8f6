"""Receives data: small bodies stay in memory, large ones go to disk off the loop."""

import time

import pycurl

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.transfer.body import DATA, IN_MEMORY, INLINE, NOT_DATA, Body
from backhaul.transfer.coding import MAGIC, beginning, is_label, unknown
from backhaul.transfer.handle import Handle
from backhaul.transfer.head import Head, is_plain_200
from backhaul.transfer.segmented_download import ERROR_BODY, SegmentedDownload
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure
from backhaul.verify.sums import MOST


class Receiver:
    """libcurl's write callback and its dependencies.

    Args:
        shared: the engine's.
        segmented: takes over bodies that turn out very large.
        max_file_size: maximum size of a file in bytes.
    """

    def __init__(self, shared: Shared, segmented: SegmentedDownload, *, max_file_size: int) -> None:
        self._segmented = segmented
        self._parts = shared.parts
        self._backlog = shared.backlog
        self._rate = shared.rate
        self._counters = shared.counters
        self._max_file_size = max_file_size

    def on_data(self, handle: Handle, data: bytes) -> int | None:
        """Takes data; returns the result of libcurl's write callback."""
        body = handle.owner
        if body is None:
            return 0
        if handle.segment is not None:
            return self._segmented.on_data(handle, body, handle.segment, data)
        if body.offset == -1:
            self._on_head(handle, body, data)
        if body.offset < 0:
            return _unwanted(body, data)
        verdict = self._keep(handle, body, data)
        if verdict is not None:
            return verdict
        size = len(data)
        body.size += size
        body.received += size
        self._counters.bytes += size
        if self._rate.limited:
            self._rate.spend(size, time.monotonic())
        if body.part is None and body.size > IN_MEMORY and body.ahead is None:
            body.bind(handle.headers)
            self._parts.spill(body)
            if (body.expected or 0) <= self._max_file_size:
                self._segmented.split_if_large(handle, body)
        most = self._max_file_size if body.ahead is None else MOST
        if max(body.size, body.expected or 0) > most:
            self._refuse_size(body, most)
            return 0
        return None

    def _keep(self, handle: Handle, body: Body, data: bytes) -> int | None:
        """Stores data; returns the callback's result if that is not possible."""
        may_pause = not handle.resuming
        if may_pause and self._rate.limited and self._rate.wait(time.monotonic()) > 0:
            self._rate.pause(handle.resume)
            return pycurl.WRITEFUNC_PAUSE
        part = body.part
        if body.refusal is not None or (part is not None and part.error is not None):
            return 0
        if body.until is not None and body.size + len(data) > body.until:
            body.misfit = "HTTP 206 with more bytes than its Content-Range"
            return 0
        if self._backlog.full and body.size > INLINE and may_pause:
            self._backlog.pause(handle.resume, part)
            return pycurl.WRITEFUNC_PAUSE
        if part is None:
            body.chunks.append(data)
        else:
            part.append(data)
        return None

    def _on_head(self, handle: Handle, body: Body, data: bytes) -> None:
        lines = handle.headers
        if not body.size and body.part is None and is_plain_200(lines):
            body.offset = 0  # the usual case: headers are parsed only if needed
            body.binding = None
            return
        head = Head.parse(lines)
        body.offset = NOT_DATA
        if head.status in DATA:
            body.accept(head.status, head.headers)
            if body.codings and body.offset == 0:
                self._decode(body, data)

    def _decode(self, body: Body, data: bytes) -> None:
        """Sets up decoding of a response that starts with these bytes."""
        name = unknown(body.codings)
        if name is None and body.ahead is not None:
            name = body.codings[-1]
        if name is not None:
            body.refusal = Failure(
                kind=FailureKind.NOT_DATA,
                message=f"unsupported Content-Encoding {line(name, limit=40)}",
                fresh=True,
            )
            return
        file = body.transfer.file
        label = is_label(body.codings, file, body.expected)
        if label is None:
            begins = beginning(data)
            label = begins is not None and not begins.startswith(MAGIC)
        if not label:
            body.unbind()
            self._parts.decode(body)

    def _refuse_size(self, body: Body, most: int) -> None:
        text = f"larger than max_file_size ({most} bytes)"
        kind = FailureKind.CORRUPT
        if body.ahead is not None:
            text, kind = (
                f"larger than a checksum file may be ({most} bytes)",
                FailureKind.NOT_DATA,
            )
        body.refusal = Failure(kind=kind, message=text, fresh=True)


def _unwanted(body: Body, data: bytes) -> int | None:
    """Keeps the beginning of an error response; discards one that does not match."""
    if body.misfit:
        return 0
    if sum(map(len, body.error)) < ERROR_BODY:
        body.error.append(data)
    return None

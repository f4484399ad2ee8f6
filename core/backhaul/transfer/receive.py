"""Bytes as they come in: small bodies stay in memory, large ones go to disk beside the loop."""

import time
from collections.abc import Callable
from concurrent.futures import Executor

import pycurl

from backhaul.errors import FailureKind
from backhaul.storage.folder import PART, JobFolder
from backhaul.transfer.body import IN_MEMORY, INLINE, Body
from backhaul.transfer.handle import Handle, Head, is_plain_200
from backhaul.transfer.loop import Loop
from backhaul.transfer.part import Backlog, Binding, PartFile
from backhaul.transfer.pieces import Piece, Split
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.split_desk import SplitDesk
from backhaul.transfer.unit import Counters, Failure, Transfer
from backhaul.verify.verifier import Limits, Verifier

_ERROR_BODY = 1 << 16
_NOT_DATA = -2


class Receiver:
    """libcurl's write callback and what it needs.

    Args:
        loop: where worker threads report.
        workers: who writes and verifies large bodies.
        backlog: what waits for the workers.
        splits: who takes over bodies that turn out very large.
        folder: gives a job's folder.
        max_file_size: bytes above which a file is refused.
    """

    def __init__(
        self,
        loop: Loop,
        workers: Executor,
        splits: SplitDesk,
        backlog: Backlog,
        *,
        folder: Callable[[str], JobFolder],
        rate: RateLimit,
        counters: Counters,
        limits: Limits,
        durable: bool,
        max_file_size: int,
    ) -> None:
        self._loop = loop
        self._workers = workers
        self._splits = splits
        self._backlog = backlog
        self._folder = folder
        self._rate = rate
        self._counters = counters
        self._limits = limits
        self._durable = durable
        self._max_file_size = max_file_size

    def on_data(self, handle: Handle, data: bytes) -> int | None:
        """Takes a piece of a body; says what libcurl's write callback says."""
        body = handle.owner
        if not isinstance(body, Body):
            return self._splits.on_data(handle, body, data) if isinstance(body, Piece) else 0
        if body.offset == -1:
            self._on_head(handle, body)
        if body.offset < 0:
            if sum(map(len, body.error)) < _ERROR_BODY:
                body.error.append(data)
            return None
        verdict = self._keep(handle, body, data)
        if verdict is not None:
            return verdict
        size = len(data)
        body.size += size
        body.received += size
        self._counters.bytes += size
        if self._rate.limited:
            self._rate.spend(size, time.monotonic())
        if body.part is None and body.size > IN_MEMORY:
            self.bind(handle, body)
            self.spill(body)
            if (body.expected or 0) <= self._max_file_size:
                self._splits.consider(handle, body)
        if max(body.size, body.expected or 0) > self._max_file_size:
            self._refuse_size(body)
            return 0
        return None

    def _keep(self, handle: Handle, body: Body, data: bytes) -> int | None:
        """Stores a piece; says what the callback says when that cannot be."""
        if self._rate.limited and self._rate.wait(time.monotonic()) > 0:
            self._rate.pause(handle)
            return pycurl.WRITEFUNC_PAUSE
        part = body.part
        if body.refusal is not None or (part is not None and part.error is not None):
            return 0
        if self._backlog.full and body.size > INLINE:
            self._backlog.pause(handle)
            return pycurl.WRITEFUNC_PAUSE
        if part is None:
            body.chunks.append(data)
        else:
            part.append(data)
        return None

    def bind(self, handle: Handle, body: Body) -> None:
        """Reads the head of the usual answer, which nobody has needed so far."""
        if body.binding is None and body.offset == 0:
            headers = Head.parse(handle.headers).headers
            length = headers.get("content-length", "")
            body.expected = int(length) if length.isascii() and length.isdigit() else None
            body.binding = Binding(
                etag=headers.get("etag"),
                modified=headers.get("last-modified"),
                length=body.expected,
            )

    def left_behind(self, transfer: Transfer) -> Body | None:
        """What an earlier run left of the file, if it can be gone on with."""
        folder = self._folder(transfer.job)
        name = transfer.file.name
        binding = Binding.load(folder.read_sidecar(name))
        size = folder.size(name + PART) or 0
        if binding is None or not binding.validator or not size or not transfer.request.ranges:
            folder.drop_part(name)
            return None
        body = Body(transfer)
        body.binding = binding
        body.size = size
        body.part = self._part(transfer)
        if binding.done is None or binding.length is None:
            body.part.resume(size)
        else:
            body.split = Split(binding.length, [span for span in binding.done if span[1] <= size])
            body.part.resume_spans(body.split.done)
        return body

    def _on_head(self, handle: Handle, body: Body) -> None:
        lines = handle.headers
        if not body.size and body.part is None and is_plain_200(lines):
            body.offset = 0  # the usual case: the head is read when it is needed
            body.binding = None
            return
        head = Head.parse(lines)
        body.offset = _NOT_DATA
        if head.status == 200 or (head.status == 206 and body.size):  # noqa: PLR2004 - HTTP statuses
            misfit = body.accept(head.status, head.headers)
            if misfit is not None:
                body.error = [misfit.encode()]

    def spill(self, body: Body) -> None:
        """From memory to disk: the body is a large one, or is to be kept for another run."""
        part = self._part(body.transfer)
        body.part = part
        if body.binding is not None and body.binding.validator:
            part.bind(body.binding)
        for chunk in body.chunks:
            part.append(chunk)
        body.chunks = []

    def _refuse_size(self, body: Body) -> None:
        body.refusal = Failure(
            kind=FailureKind.CORRUPT,
            message=f"is larger than max_file_size ({self._max_file_size} bytes)",
            fresh=True,
        )

    def _part(self, transfer: Transfer) -> PartFile:
        file = transfer.file
        return PartFile(
            self._folder(transfer.job),
            file.name,
            executor=self._workers,
            verifier=lambda: Verifier(
                file.content,
                footer_lines=file.footer_lines,
                checksum=file.checksum,
                limits=self._limits,
            ),
            post=self._loop.post,
            backlog=self._backlog,
            durable=self._durable,
        )

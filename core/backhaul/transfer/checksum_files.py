"""Fetches a file's checksum file first, on the same path and with the same credentials.

It is handled like the file itself: pace, retries, redirects, fresh links. It is kept in memory, and its
content is passed to the verification of the file.
"""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from backhaul.errors import FailureKind
from backhaul.transfer.body import INLINE, Body, State
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.outcome import Failed
from backhaul.transfer.retry import Retry
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure
from backhaul.verify.sums import find_checksum


class ChecksumFiles:
    """Processes checksum files and queues the files they belong to.

    Args:
        shared, retry: the engine's.
        follow: queues a file whose checksum is known.
    """

    def __init__(self, shared: Shared, *, retry: Retry, follow: Callable[[Body], None]) -> None:
        self._report = shared.report
        self._table = shared.table
        self._mailbox = shared.mailbox
        self._workers = shared.workers
        self._parts = shared.parts
        self._retry = retry
        self._follow = follow

    def complete(self, body: Body) -> None:
        """A checksum file is complete."""
        data = b"".join(body.chunks)
        if len(data) <= INLINE:
            self._read(body, _look(body, data))
            return
        body.state = State.QUEUED  # as it will be shortly, and as a stop expects it
        self._workers.submit(self._read_large, body, data)

    def _read_large(self, body: Body, data: bytes) -> None:
        self._mailbox.post(self._read, body, _look(body, data))

    def _read(self, body: Body, found: str | ValueError) -> None:
        transfer = body.transfer
        if self._table.get(transfer.job, transfer.file.name) is not body:
            return  # stopped in the meantime
        if isinstance(found, ValueError):
            failure = Failure(kind=FailureKind.NOT_DATA, message=str(found))
            self._retry.wrong(body, failure)
        else:
            self._begin(body, found)

    def absent(self, body: Body, failure: Failure) -> None:
        """An optional file has no checksum file: fetches the file to see whether it exists.

        If it does, it is not accepted.
        """
        body.refusal = failure
        self._begin(body, None)

    def _begin(self, body: Body, checksum: str | None) -> None:
        partial = body.begin_file(checksum)
        try:
            if partial and body.refusal is None:
                self._parts.take_up(body)
        except OSError as error:
            self._table.remove(body)
            self._report(Failed(body.transfer, content_failure(error)))
            return
        body.submitted = body.here
        self._follow(body)


def _look(body: Body, data: bytes) -> str | ValueError:
    file, ahead = body.transfer.file, body.ahead
    names = {file.name.rpartition("/")[2]}
    if ahead is not None:
        names.add(unquote(urlsplit(ahead.transfer.request.url).path).rpartition("/")[2])
    try:
        return find_checksum(data, names)
    except ValueError as error:
        return error

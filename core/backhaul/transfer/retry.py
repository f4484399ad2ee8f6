"""Handles failed attempts: retries them or fails the file."""

import random
import time
from collections.abc import Callable

from backhaul.backoff import delay
from backhaul.errors import FailureKind
from backhaul.transfer.body import Body
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.failures import own_of
from backhaul.transfer.hosts import PATIENCE
from backhaul.transfer.outcome import Failed, Retrying, Stale, given_back
from backhaul.transfer.shared import Shared
from backhaul.transfer.signed import is_link
from backhaul.transfer.unit import Failure, bare
from backhaul.types import SlotState
from backhaul.verify.fault import VerifyFault

_OF_HOSTS = {FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.TIMEOUT}
_BAD_CONTENTS = 3  # times that a file may be complete but invalid


class Retry:
    """Retries what can be retried and reports all other failures.

    Args:
        shared: the engine's.
        retries: consecutive attempts without enough progress before a transfer fails.

    Attributes:
        absent: receives optional files without a checksum file.
    """

    def __init__(self, shared: Shared, *, retries: int) -> None:
        self._report = shared.report
        self._table = shared.table
        self._queues = shared.queues
        self._parts = shared.parts
        self._counters = shared.counters
        self._retries = retries
        self.absent: Callable[[Body, Failure], None] = self._end

    def wrong(self, body: Body, failure: Failure) -> None:
        """The complete file is invalid: starts over, a limited number of times."""
        if failure.kind is FailureKind.DISK or failure.local:
            self.failed(body, failure)
            return
        body.bad_contents += 1
        again = body.bad_contents < _BAD_CONTENTS
        self.failed(
            body,
            Failure(
                kind=failure.kind,
                message=failure.message,
                state=failure.state,
                retry=again,
                fresh=True,
                rejected=failure.kind is not FailureKind.UNSAFE_NAME,
            ),
        )

    def lost(self, body: Body, failure: Failure) -> None:
        """An attempt ended before the file was complete, perhaps because its data is already invalid."""
        wrong = body.part is not None and isinstance(body.part.error, VerifyFault)
        if wrong and body.part is not None and body.refusal is None:
            self.wrong(body, content_failure(body.part.error))
        else:
            self.failed(body, failure)

    def failed(self, body: Body, failure: Failure) -> None:
        """An attempt failed."""
        if body.ahead is not None:
            missing = failure.state is SlotState.MISSING
            failure = _of_checksum_file(body, failure)
            if missing and body.transfer.file.optional:
                self.absent(body, failure)
                return
        progressed = body.advance()
        if failure.fresh and not failure.rejected:
            body.forget()
        body.total_attempts += 1
        body.stale_attempts = 1 if progressed else body.stale_attempts + 1
        if failure.link or failure.kind is FailureKind.EXPIRED:
            if body.hops and body.walked != body.here and self._bounded(body):
                # A redirect's target refused; the link itself leads to a new target.
                body.walked = body.here
                self._again(body, failure, at_once=True)
                return
            if not body.hops or is_link(body):
                self._table.park(body)
                self._report(Stale(body.transfer, failure, body.gained))
                return
            failure = failure._replace(retry=failure.kind is FailureKind.EXPIRED)
        if failure.retry and self._patient(body, failure):
            if failure.rejected:
                body.forget()
            self._again(body, failure)
        else:
            self._end(body, failure)

    def _patient(self, body: Body, failure: Failure) -> bool:
        patient = body.stale_attempts <= self._retries and self._bounded(body)
        return patient and (failure.retry_after or 0.0) <= PATIENCE

    def _bounded(self, body: Body) -> bool:
        return body.total_attempts <= 20 * (self._retries + 1)

    def _again(self, body: Body, failure: Failure, *, at_once: bool = False) -> None:
        self._counters.retries += 1
        pause = delay(body.stale_attempts - 1, failure.retry_after, rng=random.random)
        if at_once:
            pause = 0.0
        self._report(Retrying(body.transfer, failure, pause))
        if failure.rejected and body.part is None and body.origin in self._queues.left:
            self._table.remove(body)
            self._report(given_back(body.transfer))
            return
        body.begin(body.transfer)
        when = time.monotonic() + pause
        if body.segment_map is not None:
            body.segment_map.not_before = when
            self._queues.put(body)
        else:
            self._queues.retry(body, when)

    def _end(self, body: Body, failure: Failure) -> None:
        if failure.rejected:
            self._reject(body, failure)
        elif not failure.fresh and failure.state is not SlotState.CORRUPT:
            self._parts.keep_for_later(body)
        elif body.part is not None:
            body.part.discard()
        if failure.kind in _OF_HOSTS and not failure.local:
            self._queues.host(body.origin).file_failed(failure)
        self._table.remove(body)
        self._report(Failed(body.transfer, failure))

    def _reject(self, body: Body, failure: Failure) -> None:
        """Keeps the rejected data: it may be the only data available once the links have expired."""
        keep = self._parts.keeper(body.transfer, failure, own_of(body))
        if body.part is not None:
            if keep is None:
                body.part.discard()
            else:
                body.part.give_away(keep)
        elif keep is not None and body.chunks:
            self._parts.beside(body.transfer.job, keep, b"".join(body.chunks))
        body.chunks.clear()


def _of_checksum_file(body: Body, failure: Failure) -> Failure:
    """The failure of a file whose checksum file could not be fetched."""
    message = f"checksum file {bare(body.transfer.request.url)}: {failure.message}"
    return failure._replace(message=message, state=SlotState.FAILED, fresh=True, rejected=False)

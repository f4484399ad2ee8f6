"""Holds jobs: starts none of their transfers and suspends active ones of large files."""

from collections.abc import Collection
from itertools import chain

from backhaul.transfer.body import Body, State
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.outcome import Failed
from backhaul.transfer.shared import Shared

_EVERY = 0.1  # seconds
_LONG = 60.0


class Hold:
    """Holds jobs until they are released."""

    def __init__(self, shared: Shared) -> None:
        self._report = shared.report
        self._table = shared.table
        self._queues = shared.queues
        self._connections = shared.connections
        self._parts = shared.parts
        self._counters = shared.counters
        self._next_look = 0.0

    def begin(self, jobs: Collection[str]) -> None:
        """Holds some jobs. Transfers in memory may finish, unless they turn out to be large."""
        self._queues.pause(jobs)
        self._keep_for_later(jobs)
        self._count()

    def end(self, job: str) -> list[Body]:
        """Releases a job; returns the transfers to continue."""
        waited = self._queues.resume(job)
        self._count()
        return waited

    def watch(self, now: float) -> float:
        """Suspends transfers that turned out to be large; returns the seconds until the next check."""
        if not self._queues.paused:
            return _LONG
        if now >= self._next_look:
            self._next_look = now + _EVERY
            self._keep_for_later(list(self._queues.paused))
            self._count()
        return self._next_look - now

    def _keep_for_later(self, jobs: Collection[str]) -> None:
        broken: list[tuple[Body, OSError]] = []
        for body in chain.from_iterable(map(self._table.of, jobs)):
            part = body.part
            if part is None:
                continue
            if body.state is State.ACTIVE and part.error is None:
                self._connections.abort(body)
                self._parts.keep_for_later(body)
                self._queues.put(body)
            elif body.state is State.QUEUED and isinstance(part.error, OSError):
                broken.append((body, part.error))
        for body, error in broken:  # could not be kept
            if self._table.remove(body):  # another transfer's failure may have ended the job
                self._queues.paused[body.transfer.job].remove(body)
                self._report(Failed(body.transfer, content_failure(error)))

    def _count(self) -> None:
        """Publishes the counts to other threads; replaces the dictionary, as they may be reading it."""
        self._counters.held = {job: len(bodies) for job, bodies in self._queues.paused.items()}

"""Limits the number of running jobs by the available descriptors and threads.

The others wait for their turn. Jobs whose data is deleted first go first; a waiting job's expiry is known
from an earlier run, a running job's from the provider. Ties follow the order of the configuration. A job
that is not ready and may wait gives its place to others between status checks.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence

from backhaul.descriptors import PATIENCE
from backhaul.errors import BackhaulError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.waiting import Waiting
from backhaul.run.job import Job

log = logging.getLogger(__name__)


class Turns:
    """The waiting and the running jobs.

    Args:
        jobs: all jobs of the run.
        most: how many may run at a time.

    Attributes:
        active: running jobs, and ended ones whose results are not written yet.
    """

    def __init__(self, jobs: Sequence[Job], most: int) -> None:
        self._most = self._wished = most
        self._waiting = list(jobs)
        self.active: list[Job] = []

    @property
    def has_waiting_jobs(self) -> bool:
        """Whether jobs are waiting for their turn."""
        return bool(self._waiting)

    def begin(self) -> list[Job]:
        """Sorts the jobs and returns those that start immediately."""
        if len(self._waiting) > self._most:
            expires = _known_expiries(self._waiting)
            self._waiting.sort(key=lambda job: (expires.get(job.order, math.inf), job.order))
        return self._waiting[: self._most]

    def next(self, now: float) -> Iterator[Job]:
        """Yields jobs while there are free places; each counts as running from then on."""
        self._waiting = [each for each in self._waiting if not each.ended]
        for job in [each for each in self._waiting if each.turn.at <= now]:
            if len(self.active) >= self._most:
                return
            self._waiting.remove(job)
            self.active.append(job)
            yield job

    def back(self, job: Job, at: float) -> None:
        """Returns a job to the waiting ones, until a time (monotonic)."""
        job.turn.at = at
        self.active.remove(job)
        self._waiting.append(job)

    def over(self, job: Job) -> None:
        """A job has ended and frees its place."""
        self._most = min(self._wished, self._most + 1)
        self.active.remove(job)

    def has_waited_too_long(self, job: Job, now: float) -> bool:
        """Whether a job has waited for descriptors long enough, and no other job could free any."""
        if self.active or job.turn.scarce_since is None:
            job.turn.scarce_since = now
            return False
        return now - job.turn.scarce_since > PATIENCE

    def fewer(self) -> None:
        """There were not enough descriptors for another job."""
        self._most = max(1, len(self.active))


def _known_expiries(jobs: Sequence[Job]) -> dict[int, int]:
    """When the jobs' data is deleted, by job order, according to earlier runs; future times only."""
    found: dict[int, int] = {}
    for dest in dict.fromkeys(job.spec.dest for job in jobs):
        if not ledger_path(dest.workspace).exists():
            continue
        try:
            with Ledger(dest.workspace, readonly=True, waiting=Waiting(0.0)) as ledger:
                rows = {row.name: row.expires for row in ledger.jobs.all()}
        except BackhaulError as error:
            log.debug("%s", error.message)  # reported when one of its jobs starts
            continue
        for job in jobs:
            expires = rows.get(job.spec.name) if job.spec.dest == dest else None
            if expires is not None and expires > time.time():
                found[job.order] = expires
    return found

"""Which jobs are under way: as many at once as there are descriptors and threads for.

The others wait for their turn. Whose data the provider deletes first comes first, as far as that is
known: from an earlier run while a job waits, from the provider once it is under way. What both
leave open is decided by the order of the configuration. A job that is not ready yet, and may wait
until it is, gives its place to others between two questions.
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
    """The jobs that wait, and those that are under way.

    Args:
        jobs: all of the run.
        most: that may be under way at the same time.

    Attributes:
        active: those under way, and those at their end whose results are not written yet.
    """

    def __init__(self, jobs: Sequence[Job], most: int) -> None:
        self._most = self._wished = most
        self._waiting = list(jobs)
        self.active: list[Job] = []

    @property
    def crowded(self) -> bool:
        """Whether jobs wait for their turn."""
        return bool(self._waiting)

    def begin(self) -> list[Job]:
        """Puts the jobs in order; gives those that begin at once."""
        if len(self._waiting) > self._most:
            expires = _known_expiries(self._waiting)
            self._waiting.sort(key=lambda job: (expires.get(job.order, math.inf), job.order))
        return self._waiting[: self._most]

    def next(self, now: float) -> Iterator[Job]:
        """The jobs whose turn it is, as long as there are places; each is under way from then on."""
        self._waiting = [each for each in self._waiting if not each.ended]
        for job in [each for each in self._waiting if each.turn.at <= now]:
            if len(self.active) >= self._most:
                return
            self._waiting.remove(job)
            self.active.append(job)
            yield job

    def back(self, job: Job, at: float) -> None:
        """A job waits once more, until a time (monotonic)."""
        job.turn.at = at
        self.active.remove(job)
        self._waiting.append(job)

    def over(self, job: Job) -> None:
        """A job has come to its end, and gives back what it had."""
        self._most = min(self._wished, self._most + 1)
        self.active.remove(job)

    def waits_in_vain(self, job: Job, now: float) -> bool:
        """A job could not have descriptors: whether it has waited, and no other job has any to give."""
        if self.active or job.turn.scarce_since is None:
            job.turn.scarce_since = now
            return False
        return now - job.turn.scarce_since > PATIENCE

    def fewer(self) -> None:
        """There were not enough descriptors for one more."""
        self._most = max(1, len(self.active))


def _known_expiries(jobs: Sequence[Job]) -> dict[int, int]:
    """When the jobs' data is deleted, by the jobs' order, as an earlier run was told; not of the past."""
    found: dict[int, int] = {}
    for dest in dict.fromkeys(job.spec.dest for job in jobs):
        if not ledger_path(dest).exists():
            continue
        try:
            with Ledger(dest, readonly=True, waiting=Waiting(0.0)) as ledger:
                rows = {row.name: row.expires for row in ledger.jobs.all()}
        except BackhaulError as error:
            log.debug("%s", error.message)  # it is told when a job of it begins
            continue
        for job in jobs:
            expires = rows.get(job.spec.name) if job.spec.dest == dest else None
            if expires is not None and expires > time.time():
                found[job.order] = expires
    return found

"""Tracks which jobs have received their first answer from the provider."""

from collections.abc import Iterable
from threading import Event, Lock

from backhaul.run.job import Job

_PATIENCE = 5.0  # seconds: a slower provider does not hold up the others


class StartBarrier:
    """Lets jobs wait for one another's first answer. Thread-safe.

    This way, the job that expires first is known before the first transfer starts. If there are more
    jobs than can run at a time, this holds for those that start together: the others start later, as
    running jobs end.
    """

    def __init__(self) -> None:
        self._missing: set[int] = set()
        self._all = Event()
        self._lock = Lock()

    def expect(self, jobs: Iterable[Job]) -> None:
        """Announces jobs that start together, before the first of them does."""
        self._missing = {job.order for job in jobs}

    def answered(self, job: Job) -> None:
        """A job has received its first answer, or will not get one."""
        with self._lock:
            self._missing.discard(job.order)
            if not self._missing:
                self._all.set()

    def wait(self, job: Job) -> None:
        """Called once a job has its first answer: waits until all have, or until patience runs out."""
        self.answered(job)
        self._all.wait(timeout=_PATIENCE)

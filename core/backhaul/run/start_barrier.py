"""Which jobs have had their first answer from the provider."""

from collections.abc import Iterable
from threading import Event, Lock

from backhaul.run.job import Job

_PATIENCE = 5.0  # seconds: a provider that answers later does not hold up all others


class StartBarrier:
    """Lets jobs wait for one another's first answer; for any thread.

    So the job that expires soonest is known before the first transfer starts.

    Where there are more jobs than can be under way at once, that holds for those that begin together:
    the answers of the others come once some of these have come to their end.

    Args:
        patience: seconds that the others are waited for.
    """

    def __init__(self, *, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._missing: set[int] = set()
        self._all = Event()
        self._lock = Lock()

    def expect(self, jobs: Iterable[Job]) -> None:
        """These jobs begin together; called before the first of them does."""
        self._missing = {job.order for job in jobs}

    def came(self, job: Job) -> None:
        """A job has had its first answer, or will have none."""
        with self._lock:
            self._missing.discard(job.order)
            if not self._missing:
                self._all.set()

    def wait(self, job: Job) -> None:
        """A job has had its first answer: waits until every one has, or patience is over."""
        self.came(job)
        self._all.wait(timeout=self._patience)

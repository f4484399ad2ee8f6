"""Locks jobs whose files are in a store, in separate threads, since a store may take long to answer."""

import logging
import time
from collections.abc import Callable
from threading import Thread
from typing import NamedTuple

from backhaul.archive.snapshot import take_over
from backhaul.descriptors import ScarceError
from backhaul.errors import BackhaulError, DiskError
from backhaul.oserrors import describe
from backhaul.run.job import Job
from backhaul.storage.destination import JobLease
from backhaul.storage.job import take_lease
from backhaul.storage.location import Location

log = logging.getLogger(__name__)


class Claim(NamedTuple):
    """A job that is locked for this run.

    Attributes:
        lease: the lock.
        snapshot: the digest of the job's snapshot in the store; None if there is none.
    """

    lease: JobLease
    snapshot: str | None = None


class Claims:
    """The jobs that are being locked. Used on the driver's thread.

    Args:
        post: calls a function on the driver's thread.
        ended: called there with each job that was locked, or could not be.
    """

    def __init__(
        self, post: Callable[[Callable[[], None]], None], ended: Callable[[Job], None]
    ) -> None:
        self._post = post
        self._ended = ended
        self._running: set[str] = set()
        self._closed = False
        self._found: dict[str, Claim | BackhaulError] = {}

    def of(self, job: Job) -> Claim | None:
        """The job's claim; None while it is being locked. The first call starts that.

        Raises BackhaulError, ScarceError.
        """
        found = self._found.get(job.key)
        if isinstance(found, BackhaulError):
            del self._found[job.key]
            raise found
        if found is None and job.key not in self._running:
            name = f"backhaul-lock-{job.spec.name}"
            try:
                Thread(target=self._work, args=(job,), name=name, daemon=True).start()
            except RuntimeError:  # no more threads available
                raise ScarceError from None
            self._running.add(job.key)
        return found

    def used(self, job: Job) -> None:
        """The job's task has taken over its claim."""
        self._found.pop(job.key, None)

    def keep(self, job: Job, lease: JobLease, snapshot: str | None) -> None:
        """The job steps back but stays locked, since locking it again in a store would take long."""
        self._found[job.key] = Claim(lease, snapshot)

    def drop(self, job: Job) -> None:
        """The job has ended before it had a task."""
        found = self._found.pop(job.key, None)
        if isinstance(found, Claim):
            name = f"backhaul-unlock-{job.spec.name}"
            Thread(target=found.lease.release, name=name, daemon=True).start()

    def close(self, turn: Callable[[float], None], patience: float) -> None:
        """Waits a few seconds for pending claims, and releases the unused ones."""
        end = time.monotonic() + patience
        while self._running and time.monotonic() < end:
            turn(0.05)
        self._closed = True
        left = [found.lease for found in self._found.values() if isinstance(found, Claim)]
        self._found.clear()
        threads = [Thread(target=lease.release, daemon=True) for lease in left]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self, job: Job) -> None:
        found: Claim | BackhaulError
        try:
            found = claim(job.spec.dest, job.spec.name)
        except BackhaulError as error:
            found = error
        except OSError as error:
            found = DiskError(f"{job.spec.dest}: {describe(error)}")
        except Exception as error:
            log.debug("unexpected", exc_info=True)
            found = BackhaulError(f"unexpected {type(error).__name__}: {error}")
        if not self._closed:
            self._post(lambda: self._came(job, found))
        elif isinstance(found, Claim):
            found.lease.release()

    def _came(self, job: Job, found: Claim | BackhaulError) -> None:
        self._running.discard(job.key)
        self._found[job.key] = found
        self._ended(job)


def claim(dest: Location, job: str) -> Claim:
    """Locks a job, and gets its rows from the store if another workspace has run it.

    Raises BackhaulError, OSError.
    """
    lease = take_lease(dest, job)
    try:
        return Claim(lease, take_over(dest, job))
    except BaseException:
        lease.release()
        raise

"""Records the results of jobs and releases their resources."""

from collections.abc import Callable

from backhaul.errors import BackhaulError
from backhaul.events import JobEnded
from backhaul.ledger.waiting import HeldError
from backhaul.run.conclude import conclude, without_ledger
from backhaul.run.job import Job
from backhaul.run.result import JobResult
from backhaul.run.task import Task


class Endings:
    """Ends jobs; on the driver's thread.

    Args:
        under_way: running jobs, by key; jobs that end are removed.
        end: called with the key of a job without remaining transfers.
        durable: whether writes must survive a power failure.

    Attributes:
        results: results of jobs that have ended, by order.
    """

    def __init__(
        self, under_way: dict[str, Task], *, end: Callable[[str], None], durable: bool
    ) -> None:
        self._under_way = under_way
        self._end = end
        self._durable = durable
        self.results: dict[int, JobResult] = {}

    def finish(self, job: Job) -> None:
        """Records the result of a job that has ended. Raises HeldError."""
        result = self.results[job.order] = self.conclude(job)
        self.release(job)
        if job.tell is not None:
            job.tell(JobEnded(job=job.spec.name, folder=job.folder, result=result))

    def release(self, job: Job) -> None:
        """Removes a job from the running ones, because it has ended or waits for another turn."""
        task = self._under_way.pop(job.key, None)
        if task is not None:
            self._end(job.key)
            task.close()

    def conclude(self, job: Job) -> JobResult:
        """The job's result, even if the ledger fails. Raises HeldError."""
        task = self._under_way.get(job.key)
        if task is None:
            return without_ledger(job)
        try:
            return conclude(task, durable=self._durable)
        except HeldError:
            raise
        except BackhaulError as error:
            if error.kind not in {note.kind for note in job.notes if not note.file}:
                job.note(error.kind, error.message)
            return without_ledger(job)

"""Writes down what became of each job, and lets go of what it had."""

from collections.abc import Callable

from backhaul.errors import BackhaulError
from backhaul.events import JobEnded
from backhaul.ledger.waiting import HeldError
from backhaul.run.conclude import conclude, without_ledger
from backhaul.run.job import Job
from backhaul.run.result import JobResult
from backhaul.run.task import Task


class Endings:
    """The ends of jobs; on the driver's thread.

    Args:
        under_way: the jobs that are, by key; those that have ended are taken out.
        end: told the key of a job of which nothing more comes.
        durable: whether what is written outlives a power cut.

    Attributes:
        results: of the jobs that have ended, by their order.
    """

    def __init__(
        self, under_way: dict[str, Task], *, end: Callable[[str], None], durable: bool
    ) -> None:
        self._under_way = under_way
        self._end = end
        self._durable = durable
        self.results: dict[int, JobResult] = {}

    def finish(self, job: Job) -> None:
        """A job has ended: writes down what became of it. Raises HeldError."""
        result = self.results[job.order] = self.conclude(job)
        self.release(job)
        if job.tell is not None:
            job.tell(JobEnded(job=job.spec.name, result=result))

    def release(self, job: Job) -> None:
        """Takes a job that is no longer under way, whether it has ended or steps back for a while."""
        task = self._under_way.pop(job.key, None)
        if task is not None:
            self._end(job.key)
            task.close()

    def conclude(self, job: Job) -> JobResult:
        """What became of a job, whatever the ledger does. Raises HeldError."""
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

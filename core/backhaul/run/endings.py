"""Records the results of jobs and releases their resources."""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from threading import Thread
from typing import Any

from backhaul.errors import BackhaulError
from backhaul.events import JobEnded
from backhaul.ledger.waiting import HeldError
from backhaul.mailbox import answer
from backhaul.run.conclude import Work, conclude, without_ledger
from backhaul.run.job import Job
from backhaul.run.result import JobResult
from backhaul.run.task import Task


class Endings:
    """Ends jobs; on the driver's thread. Requests to a store are made in separate threads.

    Args:
        under_way: running jobs, by key; jobs that end are removed.
        end: called with the key of a job without remaining transfers.
        wake: wakes the driver, from any thread.
        durable: whether writes must survive a power failure.

    Attributes:
        results: results of jobs that have ended, by order.
    """

    def __init__(
        self,
        under_way: dict[str, Task],
        *,
        end: Callable[[str], None],
        wake: Callable[[], None],
        durable: bool,
    ) -> None:
        self._under_way = under_way
        self._end = end
        self._wake = wake
        self._durable = durable
        self._steps: dict[int, Generator[Work, Any, JobResult]] = {}
        self._work: dict[int, Future[object]] = {}
        self.results: dict[int, JobResult] = {}

    def finish(self, job: Job) -> bool:
        """Records the result of a job that has ended; False if this is to be called again soon."""
        steps = self._steps.get(job.order)
        if steps is None:
            steps = self._steps[job.order] = self.conclude(job)
        work = self._work.get(job.order)
        if work is not None and not work.done():
            return False
        try:
            self._continue(job, steps, self._work.pop(job.order, None))
        except StopIteration as end:
            result = end.value
        except HeldError:
            del self._steps[job.order]
            return False
        else:
            return False
        self.results[job.order] = result
        self.release(job)
        if job.tell is not None:
            job.tell(JobEnded(job=job.spec.name, folder=job.folder, result=result))
        return True

    def _continue(
        self, job: Job, steps: Generator[Work, Any, JobResult], done: "Future[object] | None"
    ) -> None:
        """Raises StopIteration with the result; HeldError."""
        found = None if done is None else done.result()
        while True:
            work = steps.send(found)
            if job.spec.dest.is_remote:
                self._start(job, work)
                return
            found = work()

    def _start(self, job: Job, work: Work) -> None:
        future: Future[object] = Future()
        self._work[job.order] = future

        def run() -> None:
            answer(future, work)
            self._wake()

        try:
            Thread(target=run, name=f"backhaul-end-{job.spec.name}", daemon=True).start()
        except RuntimeError:  # no more threads available
            run()

    def release(self, job: Job) -> None:
        """Removes a job from the running ones, because it has ended or waits for another turn."""
        task = self._under_way.pop(job.key, None)
        if task is not None:
            self._end(job.key)
            task.end_thread()
            task.close()

    def conclude(self, job: Job) -> Generator[Work, Any, JobResult]:
        """The job's result, even if the ledger fails; then it is unlocked. Raises HeldError."""
        task = self._under_way.get(job.key)
        if task is None:
            return without_ledger(job)
        try:
            result = yield from conclude(task, durable=self._durable)
        except HeldError:
            raise
        except BackhaulError as error:
            if error.kind not in {note.kind for note in job.notes if not note.file}:
                job.note(error.kind, error.message)
            result = without_ledger(job)
        if job.spec.dest.is_remote:
            yield task.unlock
        return result

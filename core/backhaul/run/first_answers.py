"""Which jobs have had their first answer from the provider."""

from collections.abc import Iterable
from threading import Event, Lock

from backhaul.run.task import Task


class FirstAnswers:
    """Lets jobs wait for one another's first answer; for any thread.

    So the job that expires soonest is known before the first transfer starts.

    Args:
        tasks: all of the run.
        patience: seconds that the others are waited for.
    """

    def __init__(self, tasks: Iterable[Task], *, patience: float) -> None:
        self._patience = patience
        self._missing = {task.order for task in tasks}
        self._all = Event()
        self._lock = Lock()

    def came(self, task: Task) -> None:
        """A job has had its first answer, or will have none."""
        with self._lock:
            self._missing.discard(task.order)
            if not self._missing:
                self._all.set()

    def wait(self, task: Task) -> None:
        """A job has had its first answer: waits until every one has, or patience is over."""
        self.came(task)
        self._all.wait(timeout=self._patience)

"""Publishes groups of files to object stores in separate threads, since that takes time."""

from collections.abc import Callable, Sequence
from threading import Thread

from backhaul.errors import BackhaulError
from backhaul.oserrors import StoreError
from backhaul.run.task import Task
from backhaul.storage.destination import Refused, Staged

_AT_ONCE = 4  # groups per destination; each uploads several files at once
Ended = Callable[[list[Refused] | BackhaulError | OSError], None]


class Uploads:
    """The groups of one destination that are being uploaded. Used on the driver's thread.

    Args:
        post: calls a function on the driver's thread.

    Attributes:
        bytes: of all these groups.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        self._post = post
        self._tasks: list[Task] = []
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether further groups have to wait."""
        return len(self._tasks) >= _AT_ONCE

    def of(self, job: str | None) -> bool:
        """Whether a group of a job is being uploaded, by its key; None: of any job."""
        return any(job in {None, task.key} for task in self._tasks)

    def start(self, task: Task, staged: Sequence[Staged], ended: Ended) -> None:
        """Starts publishing a group; ``ended`` is called with the outcome, on the driver's thread."""
        size = sum(each.size or 0 for each in staged)
        self._tasks.append(task)
        self.bytes += size
        destination = task.destination

        def work() -> None:
            outcome: list[Refused] | BackhaulError | OSError
            try:
                outcome = destination.publish(staged)
            except (BackhaulError, OSError) as error:
                outcome = error
            except Exception as error:  # noqa: BLE001 - the driver reports it
                outcome = StoreError(f"unexpected {type(error).__name__}: {error}")
            self._post(lambda: self._end(task, size, outcome, ended))

        Thread(target=work, name=f"backhaul-upload-{task.spec.name}", daemon=True).start()

    def _end(
        self, task: Task, size: int, outcome: list[Refused] | BackhaulError | OSError, ended: Ended
    ) -> None:
        self._tasks.remove(task)
        self.bytes -= size
        ended(outcome)

"""Pauses downloads to a store while the files waiting to be uploaded take up too much space."""

import logging
from collections.abc import Iterable

from backhaul.run.ledgers import Ledgers
from backhaul.run.task import Task
from backhaul.storage.location import Location
from backhaul.transfer.dispatcher import Dispatcher
from backhaul.wording import human

log = logging.getLogger(__name__)


class UploadLag:
    """Compares the bytes waiting to be uploaded with the limit; used by the driver.

    Args:
        engine: carries out the transfers.
        ledgers: know what is waiting.
        limit: maximum bytes per destination (``workspace_limit``).
    """

    def __init__(self, engine: Dispatcher, ledgers: Ledgers, *, limit: int) -> None:
        self._engine = engine
        self._ledgers = ledgers
        self._limit = limit
        self._behind: set[Location] = set()

    def watch(self, tasks: Iterable[Task]) -> None:
        """Pauses jobs above the limit; resumes them below half of it."""
        begun = [task for task in tasks if task.job.begun and not (task.job.dead or task.job.ended)]
        for dest in {task.spec.dest for task in begun}:
            waiting = self._ledgers.waiting(dest)
            its = [task for task in begun if task.spec.dest == dest]
            if waiting > self._limit:
                self._pause(dest, its, waiting)
            elif dest in self._behind and waiting < self._limit // 2:
                self._resume(dest, its)

    def _pause(self, dest: Location, tasks: list[Task], waiting: int) -> None:
        if dest not in self._behind:
            log.info(
                "%s: %s waiting to be uploaded (workspace_limit); pausing downloads",
                dest, human(waiting),
            )  # fmt: skip
            self._behind.add(dest)
        self._engine.hold({task.key for task in tasks})

    def _resume(self, dest: Location, tasks: list[Task]) -> None:
        log.info("%s: resuming downloads", dest)
        self._behind.discard(dest)
        for task in tasks:
            task.progress += 1  # its links may have expired meanwhile
            if task.disk.has_capacity.is_set():  # otherwise the disk is full, too
                self._engine.release(task.key)

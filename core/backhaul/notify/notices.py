"""All that the configurations of a run want others to be told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self

from backhaul.config import Config
from backhaul.events import Event, Listener, both
from backhaul.notify.commands import Commands
from backhaul.notify.problems import Problems
from backhaul.run.result import RunResult
from backhaul.storage.job import url_of

_NAP: Final = 0.05  # seconds
_PATIENCE: Final = 1.8  # seconds after a stop until what remains is left behind


class Notices:
    """Does what ``settings`` ask for: ``on_job``, ``on_files``.

    Each configuration's settings apply to its own jobs.

    Args:
        configs: the configurations.
        stopped: whether the run was stopped by the user.
    """

    def __init__(self, configs: Sequence[Config], *, stopped: Callable[[], bool]) -> None:
        self._problems = Problems()
        self._aborted = False
        self._stopped_by_user = stopped
        self._cut_short = False
        self._by_folder: dict[str, Commands] = {}
        self._all: list[Commands] = []
        for config in configs:
            settings = config.settings
            if settings.on_job is None and settings.on_files is None:
                continue
            commands = Commands(
                settings.on_job,
                settings.on_files,
                home=config.path.parent,
                problems=self._problems,
                stopped=self._stopped,
            )
            self._all.append(commands)
            for name, job in config.jobs.items():
                self._by_folder[url_of(job.dest, name)] = commands

    def before(self, listener: Listener | None) -> Listener | None:
        """The listener, or one that also takes the events that these settings need."""
        return both(self._tell, listener) if self._all else listener

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._aborted = True
        self._wait()

    def _tell(self, event: Event) -> None:
        commands = self._by_folder.get(event.folder)
        if commands is not None:
            commands(event)

    def finish(self, result: RunResult) -> RunResult:
        """Waits for the commands that are left; returns the result with their problems in it."""
        self._wait()
        for each in self._all:
            each.close()
        result = self._problems.into(result)
        return replace(result, interrupted=True) if self._cut_short else result

    def _wait(self) -> None:
        for each in self._all:
            each.over()
        stop_seen: float | None = None
        while any(each.busy for each in self._all):
            if self._stopped():
                self._cut_short = True
                stop_seen = stop_seen or time.monotonic()
                if time.monotonic() - stop_seen > _PATIENCE:
                    return
            time.sleep(_NAP)

    def _stopped(self) -> bool:
        return self._aborted or self._stopped_by_user()

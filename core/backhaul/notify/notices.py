"""All notifications that the configurations of a run ask for."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from backhaul.config import Config
from backhaul.config.notices import Webhook
from backhaul.events import Event, Listener, both
from backhaul.notify.problems import Problems
from backhaul.run.result import RunResult
from backhaul.storage.job import url_of

if TYPE_CHECKING:
    from backhaul.notify.metrics_text import Labels

_NAP: Final = 0.05  # seconds
_PATIENCE: Final = 1.7  # seconds after a stop before the rest is dropped


class Notice(Protocol):
    """Sends notifications about the jobs of a configuration, in its own thread.

    Attributes:
        busy: whether anything is left to do.
        patience: seconds after the end of the run before the rest is dropped; infinite for those with
            time limits of their own.
    """

    @property
    def busy(self) -> bool: ...

    @property
    def patience(self) -> float: ...

    def __call__(self, event: Event) -> None:
        """Receives an event of one of the jobs; never blocks."""

    def over(self, result: RunResult | None) -> None:
        """No more events follow.

        Args:
            result: of the run; None if it ended with an exception.
        """

    def close(self) -> None:
        """Drops what is left, and reports that."""


class Notices:
    """Sends the notifications of ``settings``: ``on_job``, ``on_files``, ``webhook``, ``metrics``.

    Each configuration's settings apply to its own jobs; equal webhooks, and metrics in the same
    file, are shared.

    Args:
        configs: the configurations.
        stopped: whether the run was stopped by the user.
    """

    def __init__(self, configs: Sequence[Config], *, stopped: Callable[[], bool]) -> None:
        self._problems = Problems()
        self._aborted = False
        self._stopped_by_user = stopped
        self._stop_seen: float | None = None
        self._cut_short = False
        # In the order in which they end: each sees the result with the problems of those before.
        self._stages = [self._commands(configs), self._webhooks(configs), _metrics(configs)]
        self._by_folder: dict[str, list[Notice]] = {}
        for stage in self._stages:
            for notice, folders in stage:
                for folder in folders:
                    self._by_folder.setdefault(folder, []).append(notice)

    def before(self, listener: Listener | None) -> Listener | None:
        """The listener, or one that also takes the events that these settings need."""
        return both(self._tell, listener) if any(self._stages) else listener

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._aborted = True
        self._end(None)

    def _tell(self, event: Event) -> None:
        for notice in self._by_folder.get(event.folder, ()):
            notice(event)

    def finish(self, result: RunResult) -> RunResult:
        """Waits for the remaining notifications; returns the result with their problems added."""
        result = self._end(result) or result
        return replace(result, interrupted=True) if self._cut_short else result

    def _end(self, result: RunResult | None) -> RunResult | None:
        final = result
        while self._stages:
            notices = [notice for notice, _ in self._stages[0]]
            for notice in notices:
                notice.over(final)
            self._wait(notices)
            for notice in notices:
                notice.close()
            self._stages.pop(0)
            final = None if result is None else self._problems.into(result)
        return final

    def _wait(self, notices: Sequence[Notice]) -> None:
        started = time.monotonic()
        while True:
            now = time.monotonic()
            busy = [each for each in notices if each.busy and now - started < each.patience]
            if not busy:
                return
            if self._stopped():
                self._cut_short = True
                self._stop_seen = self._stop_seen or now
                if now - self._stop_seen > _PATIENCE:
                    return
            time.sleep(_NAP)

    def _stopped(self) -> bool:
        return self._aborted or self._stopped_by_user()

    def _commands(self, configs: Sequence[Config]) -> list[tuple[Notice, Sequence[str]]]:
        wanted = [each for each in configs if each.settings.on_job or each.settings.on_files]
        if not wanted:
            return []
        from backhaul.notify.commands import Commands  # noqa: PLC0415 - seldom

        return [
            (
                Commands(
                    config.settings.on_job,
                    config.settings.on_files,
                    home=config.path.parent,
                    problems=self._problems,
                    stopped=self._stopped,
                ),
                _folders(config),
            )
            for config in wanted
        ]

    def _webhooks(self, configs: Sequence[Config]) -> list[tuple[Notice, Sequence[str]]]:
        wanted = [config for config in configs if config.settings.webhook is not None]
        if not wanted:
            return []
        from backhaul.notify.webhook import WebhookNotice  # noqa: PLC0415 - seldom

        made: list[tuple[Webhook, Notice, list[str]]] = []
        for config in wanted:
            webhook = config.settings.webhook
            same = next((folders for other, _, folders in made if other == webhook), None)
            if same is not None:
                same.extend(_folders(config))
            elif webhook is not None:
                agent = config.settings.user_agent
                notice = WebhookNotice(webhook, agent=agent, problems=self._problems)
                made.append((webhook, notice, _folders(config)))
        return [(notice, folders) for _, notice, folders in made]


def _metrics(configs: Sequence[Config]) -> list[tuple[Notice, Sequence[str]]]:
    by_path: dict[Path, dict[str, Labels]] = {}
    for config in configs:
        if config.settings.metrics is not None:
            path = config.path.parent / config.settings.metrics
            by_path.setdefault(path, {}).update(_labels(config))
    if not by_path:
        return []
    from backhaul.notify.metrics import Metrics  # noqa: PLC0415 - seldom

    return [(Metrics(path, labels), [*labels]) for path, labels in by_path.items()]


def _folders(config: Config) -> list[str]:
    return [url_of(job.dest, name) for name, job in config.jobs.items()]


def _labels(config: Config) -> "Mapping[str, Labels]":
    return {
        url_of(job.dest, name): (
            ("job_name", name),
            ("source", job.source.name),
            ("provider", job.source.provider),
            ("folder", url_of(job.dest, name)),
        )
        for name, job in config.jobs.items()
    }

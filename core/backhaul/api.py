"""Backhaul as a library: ``load`` a configuration, then plan, run and inspect the archive.

Nothing here prints, installs signal handlers or configures logging; progress is reported by
results, by events, and by the logger ``backhaul``. A failed job is reported in its result; an
exception means that the call has no result: an invalid configuration (ConfigError), an unreadable
ledger (BackhaulError).
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from backhaul import defaults
from backhaul.config.batch import load_configs
from backhaul.config.load import Given
from backhaul.config.model import Config
from backhaul.config.settings import Settings
from backhaul.dask_clients import DaskClient, address_of, require_dask
from backhaul.errors import ConfigError
from backhaul.offline import OfflineArchive
from backhaul.selection import ALL, Names, Selection, names_of
from backhaul.stopping import each_until

if TYPE_CHECKING:
    from backhaul.archive.status import Status
    from backhaul.config import JobSpec
    from backhaul.events import Listener
    from backhaul.plugins.discovery import Plugins
    from backhaul.run.driver import Driver
    from backhaul.run.plan import Plan
    from backhaul.run.result import RunResult


# Without a handler of the program's own, Python would write warnings to stderr.
logging.getLogger("backhaul").addHandler(logging.NullHandler())


def load(*configs: Given, offline: bool = False) -> "Archive":
    """Reads and checks one or more configurations that are used together.

    Args:
        configs: YAML files, or mappings of the same form; default: ``backhaul.yaml`` in the current
            folder. Paths in a file are relative to the file, those in a mapping to the current
            folder.
        offline: for reading the archive only: variables in ``sources`` may be unset; ``plan`` and ``run`` raise
            ConfigError, and ``status`` returns the last known state.

    Raises:
        ConfigError: ``problems`` has one line per error: where, what, and what to do.
    """
    loaded, plugins = load_configs(configs or (defaults.CONFIG,), offline=offline)
    return Archive(loaded, plugins, offline=offline)


class Archive(OfflineArchive):
    """The jobs of one or more configurations, and their files. Created by ``load``.

    Its methods are thread-safe. Arguments named ``jobs`` are job names; if empty, all jobs.

    Attributes:
        configs: the loaded configurations.
        settings: the first configuration's settings, which apply to a run as a whole.
    """

    def __init__(
        self, configs: list[Config], plugins: "Plugins | None" = None, *, offline: bool = False
    ) -> None:
        super().__init__(configs, plugins)
        self._offline = offline
        self._runs: list[Driver] = []

    def plan(
        self,
        jobs: Names = (),
        *,
        limit_rate: str | int | None = None,
        refresh: bool = False,
        same_archive: Names = (),
        selection: Selection = ALL,
    ) -> "Plan":
        """Returns what a run would do: contacts the providers, but fetches nothing.

        Args:
            jobs: names; none: all.
            limit_rate: maximum bytes per second, such as ``"20M"``.
            refresh: as for ``run``.
            same_archive: as for ``run``.
            selection: as for ``run``.

        Raises:
            ConfigError: a name is not a job, or a value is refused.
            LedgerError: a ledger cannot be read.
            InterruptedRunError: ``stop`` was called.
        """
        from backhaul.run.planning import plan_jobs  # noqa: PLC0415 - not all calls ask

        stopped = self._stopping.begin()
        settings = self.settings.override(limit_rate=limit_rate)
        return plan_jobs(
            self._specs(jobs, same_archive=same_archive, selection=selection),
            load=self.plugins.load,
            make_http=self._make_http(settings),
            limit_rate=settings.limit_rate,
            keep_free=settings.min_free_space,
            refresh=refresh,
            stopped=stopped,
        )

    def run(
        self,
        jobs: Names = (),
        *,
        on_event: "Listener | None" = None,
        only_failed: bool = False,
        refresh: bool = False,
        same_archive: Names = (),
        selection: Selection = ALL,
        connections: int | None = None,
        limit_rate: str | int | None = None,
        workers: str | int | None = None,
        cluster: "str | DaskClient | None" = None,
        wait: str | timedelta | None = None,
        max_duration: str | timedelta | None = None,
    ) -> "RunResult":
        """Fetches and verifies the files that are missing; returns when all jobs have ended.

        Errors of providers, servers, files and disks are reported in the result, never raised.
        KeyboardInterrupt stops the run like ``stop``, and is raised once the run has stopped.

        Args:
            jobs: names; none: all.
            on_event: called with each event in this thread. If it raises an exception, the run stops, and
                ``run`` raises it.
            only_failed: fetch only files that failed or were missing in an earlier run.
            refresh: check every file with the provider again; unchanged files are not downloaded again.
            same_archive: names of jobs that keep their files although the account or id in the
                configuration has changed.
            selection: only files with matching names and periods. Counts and exit code are those of the
                selected files; the others stay as they are. Refused for queues.
            connections: maximum number of concurrent connections.
            limit_rate: maximum bytes per second, such as ``"20M"``.
            workers: number of processes that fetch and verify files, or ``"auto"``.
            cluster: the Dask cluster whose workers fetch and verify files: its scheduler's address, or a
                ``distributed.Client`` that is connected to it.
            wait: how long to wait for jobs that are not ready, such as ``"30m"``.
            max_duration: stop cleanly after this time.

        Raises:
            ConfigError: a name is not a job, or a value is refused.
        """
        stopped = self._stopping.begin()
        if only_failed and refresh:
            raise ConfigError("refresh and only_failed cannot be combined")
        with address_of(cluster) as address:
            settings = self.settings.override(
                connections=connections,
                limit_rate=limit_rate,
                workers=workers,
                cluster=address,
                wait=wait,
                max_duration=max_duration,
            )
            if settings.cluster is not None:
                require_dask()
            specs = self._specs(
                jobs, wait=wait and settings.wait, same_archive=same_archive, selection=selection
            )
            from backhaul.events import wants_files  # noqa: PLC0415 - the transfers are heavy
            from backhaul.notify.notices import Notices  # noqa: PLC0415
            from backhaul.run.driver import Driver  # noqa: PLC0415
            from backhaul.run.feed import Feed  # noqa: PLC0415

            with Notices(self.configs, stopped=stopped) as notices:
                listener = notices.before(on_event)
                feed = Feed()
                driver = Driver(
                    specs,
                    settings,
                    only_failed=only_failed,
                    refresh=refresh,
                    load=self.plugins.load,
                    make_http=self._make_http(settings),
                    on_tick=None if listener is None else feed.tick,
                    tell=None if listener is None else feed.add,
                    tell_files=wants_files(listener),
                )
                self._runs.append(driver)
                if stopped():
                    driver.interrupt()
                try:
                    return notices.finish(feed.follow(driver, listener))
                finally:
                    self._runs.remove(driver)

    def status(self, jobs: Names = (), *, offline: bool = False) -> "Status":
        """Returns the state of each job, at its provider and in the archive.

        Args:
            jobs: names; none: all.
            offline: do not contact providers; use the last known state.

        Raises:
            ConfigError: a name is not a job.
            LedgerError: a ledger cannot be read.
            InterruptedRunError: ``stop`` was called.
        """
        from backhaul.archive.jobs import known_jobs  # noqa: PLC0415 - no run looks at it
        from backhaul.archive.status import Status, standing_of  # noqa: PLC0415
        from backhaul.run.asking import ask_statuses  # noqa: PLC0415 - not all calls ask

        answers, stopped = {}, self._stopping.begin()
        if not (offline or self._offline):
            answers = ask_statuses(
                self._specs(jobs),
                load=self.plugins.load,
                make_http=self._make_http(),
                stopped=stopped,
            )
        known = each_until(stopped, known_jobs(self.configs, names_of(jobs)))
        return Status(
            jobs=tuple(standing_of(job, answers.get((job.dest, job.name))) for job in known)
        )

    def stop(self) -> None:
        """Stops current calls like Ctrl-C; the next run continues where this one stopped.

        ``run`` and ``verify`` return what they have, with exit code 130; ``plan``, ``status``,
        ``copy``, ``rebuild``, ``records`` and ``to_arrow`` raise InterruptedRunError. Call it from another
        thread or a signal handler.
        """
        self._stopping.stop()
        for driver in tuple(self._runs):
            driver.interrupt()
        from backhaul.storage.job import stop_stores  # noqa: PLC0415 - loaded already if it matters

        stop_stores(self._places)

    def _specs(self, jobs: Names, **more: Any) -> "list[JobSpec]":
        from backhaul.run.prepare import select_jobs  # noqa: PLC0415

        if self._offline:
            raise ConfigError("loaded with offline=True: load without it to contact providers")
        return select_jobs(self.configs, only=names_of(jobs), **more)

    def _make_http(self, settings: Settings | None = None) -> "Callable[..., Any]":
        from backhaul.run.prepare import make_http  # noqa: PLC0415

        return partial(make_http, settings or self.settings)

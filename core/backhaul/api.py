"""Backhaul as a library: ``load`` a configuration, then plan, run and inspect the archive.

Nothing here prints, installs signal handlers or configures logging; progress is reported by
results, by events, and by the logger ``backhaul``. A failed job is reported in its result; an
exception means that the call has no result: an invalid configuration (ConfigError), an unreadable
ledger (BackhaulError).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from backhaul import defaults
from backhaul.config.batch import load_configs, one_a_folder, run_wide
from backhaul.config.load import Given
from backhaul.config.model import Config
from backhaul.config.settings import Settings
from backhaul.errors import ConfigError
from backhaul.moments import When
from backhaul.types import SlotState

if TYPE_CHECKING:
    import pyarrow as pa

    from backhaul.archive.copying import Copy, JobCopy
    from backhaul.archive.gaps import Gap
    from backhaul.archive.known_files import KnownFile
    from backhaul.archive.status import Status
    from backhaul.archive.verify import Checked, Verification
    from backhaul.config import JobSpec
    from backhaul.events import Listener
    from backhaul.plugins.discovery import Plugins
    from backhaul.run.driver import Driver
    from backhaul.run.plan import Plan
    from backhaul.run.result import RunResult
from backhaul.selection import ALL, Names, Selection, names_of
from backhaul.stopping import Stopping

# Without a handler of the program's own, Python would write warnings to stderr.
logging.getLogger("backhaul").addHandler(logging.NullHandler())


def load(*configs: Given, offline: bool = False) -> "Archive":
    """Reads and checks configurations that are used together.

    Args:
        configs: YAML files, or mappings of the same form; default: ``backhaul.yaml`` in the current
            folder. Paths in a file are relative to the file, those in a mapping to the current
            folder.
        offline: variables of sources may be unset; ``plan``, ``run`` and ``status`` then raise
            ConfigError.

    Raises:
        ConfigError: ``problems`` has one line per error: where, what, and what to do.
    """
    loaded, plugins = load_configs(configs or (defaults.CONFIG,), offline=offline)
    return Archive(loaded, plugins, offline=offline)


class Archive:
    """The jobs of one or more configurations, and their files. Created by ``load``.

    Its methods are thread-safe. ``jobs`` arguments are job names; empty means all jobs.

    Attributes:
        configs: the loaded configurations.
        settings: those of the first configuration, which apply to a run as a whole.
    """

    def __init__(
        self,
        configs: list[Config],
        plugins: "Plugins | None" = None,
        *,
        offline: bool = False,
    ) -> None:
        self.configs = tuple(configs)
        self._plugins = plugins
        self.settings = run_wide(configs)
        self._offline = offline
        self._runs: list[Driver] = []
        self._stopping = Stopping()

    @property
    def plugins(self) -> "Plugins":
        """The providers' plugins."""
        if self._plugins is None:
            from backhaul.plugins.discovery import Plugins  # noqa: PLC0415 - not all calls need them

            self._plugins = Plugins()
        return self._plugins

    @property
    def jobs(self) -> tuple[str, ...]:
        """The names of all jobs, in the order of the configurations."""
        return tuple(name for config in self.configs for name in config.jobs)

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
        """
        from backhaul.run.planning import plan_jobs  # noqa: PLC0415 - not all calls ask

        settings = self.settings.override(limit_rate=limit_rate)
        return plan_jobs(
            self._specs(jobs, same_archive=same_archive, selection=selection),
            load=self.plugins.load,
            make_http=self._make_http(settings),
            limit_rate=settings.limit_rate,
            keep_free=settings.min_free_space,
            refresh=refresh,
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
        wait: str | timedelta | None = None,
        max_duration: str | timedelta | None = None,
    ) -> "RunResult":
        """Fetches the files that the jobs lack, and verifies them; returns when all jobs have ended.

        Errors of providers, servers, files and disks are reported in the result, never raised.
        KeyboardInterrupt stops the run like ``stop``, and is raised once the run has stopped.

        Args:
            jobs: names; none: all.
            on_event: called in this thread with each event, see ``backhaul.events``. An exception in it
                stops the run, and is raised once the run has stopped.
            only_failed: fetch only files that failed or were missing before.
            refresh: request every file again; unchanged files are not sent again.
            same_archive: names of jobs that keep their files although the account or id in the
                configuration has changed.
            selection: only files with such a name and period. Counts and exit code are those of the
                selected files; the others stay as they are. Refused for queues.
            connections: maximum number of concurrent connections.
            limit_rate: maximum bytes per second, such as ``"20M"``.
            workers: number of processes that fetch and verify files, or ``"auto"``.
            wait: how long to wait for jobs that are not ready, such as ``"30m"``.
            max_duration: stop cleanly after this time.

        Raises:
            ConfigError: a name is not a job, or a value is refused.
        """
        stopped = self._stopping.begin()
        if only_failed and refresh:
            raise ConfigError("refresh and only_failed exclude each other: leave one of them out")
        settings = self.settings.override(
            connections=connections,
            limit_rate=limit_rate,
            workers=workers,
            wait=wait,
            max_duration=max_duration,
        )
        specs = self._specs(
            jobs, wait=wait and settings.wait, same_archive=same_archive, selection=selection
        )
        from backhaul.notify.notices import Notices  # noqa: PLC0415 - the transfers are heavy
        from backhaul.run.launch import launch  # noqa: PLC0415

        with Notices(self.configs, stopped=stopped) as notices:
            listener = notices.before(on_event)
            driver, feed = launch(
                specs,
                settings,
                listening=listener is not None,
                only_failed=only_failed,
                refresh=refresh,
                load=self.plugins.load,
                make_http=self._make_http(settings),
            )
            self._runs.append(driver)
            if stopped():  # since this began
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
        """
        from backhaul.archive.jobs import known_jobs  # noqa: PLC0415 - no run looks at it
        from backhaul.archive.status import Status, standing_of  # noqa: PLC0415
        from backhaul.run.asking import ask_statuses  # noqa: PLC0415 - not all calls ask

        answers = {}
        if not (offline or self._offline):
            answers = ask_statuses(
                self._specs(jobs), load=self.plugins.load, make_http=self._make_http()
            )
        known = known_jobs(self.configs, names_of(jobs))
        return Status(
            jobs=tuple(standing_of(job, answers.get((job.dest, job.name))) for job in known)
        )

    def files(
        self,
        jobs: Names = (),
        *,
        states: Iterable[SlotState | str] = (),
        selection: Selection = ALL,
    ) -> "Iterator[KnownFile]":
        """Yields the files in the ledgers, job by job, in time order. Does not contact providers.

        Args:
            jobs: names; none: all.
            states: only files in one of these states; empty: all.
            selection: only files with such a name and period.

        Raises:
            ConfigError: a name is not a job.
            ValueError: a state is unknown.
            LedgerError: a ledger cannot be read.
        """
        from backhaul.archive.jobs import known_jobs  # noqa: PLC0415 - no run looks at it
        from backhaul.archive.known_files import known_files  # noqa: PLC0415

        wanted = frozenset(map(SlotState, (states,) if isinstance(states, str) else states))
        for known in known_jobs(self.configs, names_of(jobs)):
            yield from known_files(known, wanted, selection)

    def gaps(self, jobs: Names = (), *, selection: Selection = ALL) -> "Iterator[Gap]":
        """Yields the gaps, job by job, in time order. Does not contact providers.

        A gap is a file that is not verified, or a slot without files (silent and pending ones too).

        Raises:
            ConfigError: a name is not a job.
            LedgerError: a ledger cannot be read.
        """
        from backhaul.archive.gaps import job_gaps  # noqa: PLC0415 - no run looks at it
        from backhaul.archive.jobs import known_jobs  # noqa: PLC0415

        for known in known_jobs(self.configs, names_of(jobs)):
            yield from job_gaps(known, selection=selection)

    def verify(
        self,
        jobs: Names = (),
        *,
        selection: Selection = ALL,
        deep: bool = False,
        on_job: "Callable[[Checked], object] | None" = None,
    ) -> "Verification":
        """Rereads every file, and compares it with the ledger. Does not contact providers.

        Files in an object store are read only if ``deep``, or if the store lists another size or ETag
        than when they were published.

        Damaged files are marked in the ledger, so the next run fetches them again.

        Args:
            jobs: names; none: all.
            selection: only files with such a name and period.
            deep: read the files of an object store too.
            on_job: called with each job's result as soon as the job has been checked.

        Raises:
            ConfigError: a name is not a job.
            LedgerError: a ledger cannot be read.
        """
        from backhaul.archive.verify import Verification, check_jobs  # noqa: PLC0415

        results = []
        stopped, only = self._stopping.begin(), names_of(jobs)
        for checked in check_jobs(
            self.configs, self.plugins, only=only, selection=selection, deep=deep, stopped=stopped
        ):
            results.append(checked)
            if on_job is not None:
                on_job(checked)
        return Verification(jobs=tuple(results))

    def copy(
        self,
        to: str,
        jobs: Names = (),
        *,
        store: Mapping[str, Any] | None = None,
        on_job: "Callable[[JobCopy], object] | None" = None,
    ) -> "Copy":
        """Copies the archive to another folder or object store. Does not contact providers.

        What is there already is not copied again. Each file is compared with the ledger on the way.

        Args:
            to: as ``settings.dest`` of the first configuration.
            jobs: names; none: all.
            store: as ``settings.store``; None: as configured.
            on_job: called with each job's result as soon as the job has been copied.

        Raises:
            ConfigError: a name is not a job; an argument is invalid; the destination has another
                archive under a job's name.
            BackhaulError: a destination or a ledger cannot be used.
        """
        from backhaul.archive.copying import copy_jobs  # noqa: PLC0415 - seldom

        settings = self.settings.override(store=store)
        return copy_jobs(self.configs, settings, to, only=names_of(jobs), on_job=on_job)

    def rebuild(self) -> None:
        """Rebuilds damaged or missing ledgers from what is readable in them and from the files; keeps the old.

        Raises:
            BackhaulError: a ledger cannot be rebuilt.
        """
        from backhaul.archive.rebuild import rebuild  # noqa: PLC0415 - seldom

        stopped = self._stopping.begin()
        for config in one_a_folder(self.configs):
            rebuild(config, self.plugins, stopped)

    def records(
        self, job: str, *, since: When | None = None, until: When | None = None
    ) -> Iterator[Any]:
        """Yields the decoded records of a job's files in time order, in constant memory.

        A record is a line of JSON Lines, an element of a JSON array (any other document is one record),
        or a dict of a CSV row by the names of the header. Skips footers, blank lines, and lines that are
        not JSON (their number is logged). Each file is first compared with the ledger.

        Args:
            job: its name.
            since: only files whose period starts then or later, see ``Selection.of``.
            until: only files whose period starts before then.

        Raises:
            ConfigError: the job does not exist, or a time cannot be parsed.
            DamagedFileError: a file no longer matches the ledger; no record of it was yielded.
            NoRecordsError: the job has files in the archive, but none of these forms.
        """
        from backhaul.archive.job_records import decoded, job_lines  # noqa: PLC0415

        return decoded(job_lines(self.configs, job, since, until, self._stopping.begin()))

    def to_arrow(
        self,
        job: str,
        *,
        columns: Mapping[str, str] | None = None,
        since: When | None = None,
        until: When | None = None,
    ) -> "pa.RecordBatchReader":
        """Returns the records as Arrow record batches, for pandas, DuckDB or Polars, in constant memory.

        Args:
            job: its name.
            columns: additional columns, as JMESPath expressions, such as
                ``{"by": "actor.preferredUsername"}``.
            since: as for ``records``.
            until: as for ``records``.

        Returns:
            a reader whose columns are all strings: ``file``, the file's name; ``record``, the record's
                JSON (as stored, but for CSV); and ``columns``, with values other than strings encoded as JSON.

        Raises:
            ConfigError: as for ``records``; or pyarrow is not installed, or a column is invalid.
        """
        from backhaul.archive.arrow import record_batches  # noqa: PLC0415
        from backhaul.archive.job_records import job_lines  # noqa: PLC0415

        lines = job_lines(self.configs, job, since, until, self._stopping.begin())
        return record_batches(lines, columns or {})

    def stop(self) -> None:
        """Stops current calls like Ctrl-C: received data is kept, and the next run resumes.

        ``run`` and ``verify`` return what they have, with exit code 130; ``rebuild``, ``records`` and
        ``to_arrow`` raise InterruptedRunError. Call it from another thread or a signal handler.
        """
        self._stopping.stop()
        for driver in tuple(self._runs):
            driver.interrupt()

    def _specs(self, jobs: Names, **more: Any) -> "list[JobSpec]":
        from backhaul.run.prepare import select_jobs  # noqa: PLC0415

        if self._offline:
            raise ConfigError("loaded with offline=True: load without it to contact providers")
        return select_jobs(self.configs, only=names_of(jobs), **more)

    def _make_http(self, settings: Settings | None = None) -> "Callable[..., Any]":
        from backhaul.run.prepare import make_http  # noqa: PLC0415

        return partial(make_http, settings or self.settings)

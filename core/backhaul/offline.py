"""The local state of an archive: its files, gaps and records. Contacts no provider."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from backhaul.config.batch import one_per_folder, run_wide
from backhaul.config.model import Config
from backhaul.moments import When
from backhaul.selection import ALL, Names, Selection, names_of
from backhaul.stopping import Stopping
from backhaul.types import SlotState

if TYPE_CHECKING:
    import pyarrow as pa

    from backhaul.archive.copying import Copy, JobCopy
    from backhaul.archive.gaps import Gap
    from backhaul.archive.known_files import KnownFile
    from backhaul.archive.verify import Checked, Verification
    from backhaul.plugins.discovery import Plugins


class OfflineArchive:
    """The part of ``Archive`` that works offline."""

    def __init__(self, configs: list[Config], plugins: "Plugins | None" = None) -> None:
        self.configs = tuple(configs)
        self._plugins = plugins
        self.settings = run_wide(configs)
        self._stopping = Stopping()
        self._places = {config.dest for config in configs}  # and those that it is copied to

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
            selection: only files with matching names and periods.

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

        Args:
            jobs: names; none: all.
            selection: only slots and files with matching periods and names.

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

        A file in an object store is read only if ``deep``, or if its size or ETag has changed. Damaged files
        are marked in the ledger, so the next run fetches them again.

        Args:
            jobs: names; none: all.
            selection: only files with matching names and periods.
            deep: also read files in an object store.
            on_job: called with each job's result as soon as the job has been checked.

        Raises:
            ConfigError: a name is not a job.
            LedgerError: a ledger cannot be read.
        """
        from backhaul.archive.verify import Verification, check_jobs  # noqa: PLC0415

        stopped, only = self._stopping.begin(), names_of(jobs)
        checks = check_jobs(
            self.configs, self.plugins, only=only, selection=selection, deep=deep, stopped=stopped
        )
        return Verification.of(checks, on_job)

    def copy(
        self,
        to: str,
        jobs: Names = (),
        *,
        store: Mapping[str, Any] | None = None,
        on_job: "Callable[[JobCopy], object] | None" = None,
    ) -> "Copy":
        """Copies the archive to another folder or object store. Does not contact providers.

        Skips files that the destination already has. Each file is compared with the ledger as it is copied.

        Args:
            to: a path or URL like ``settings.dest``; paths are relative to the first configuration.
            jobs: names; none: all.
            store: like ``settings.store``; None: as configured.
            on_job: called with each job's result as soon as the job has been copied.

        Raises:
            ConfigError: a name is not a job; an argument is invalid; the destination has another
                archive under a job's name.
            BackhaulError: a destination or a ledger cannot be used.
            InterruptedRunError: ``stop`` was called; files that were copied are kept.
        """
        from backhaul.archive.copying import copy_jobs, target_of  # noqa: PLC0415 - seldom

        stopped, only = self._stopping.begin(), names_of(jobs)
        target = target_of(self.configs, self.settings.override(store=store), to)
        self._places.add(target)
        return copy_jobs(self.configs, target, only=only, on_job=on_job, stopped=stopped)

    def rebuild(self, *, deep: bool = False) -> None:
        """Rebuilds missing or damaged ledgers from their readable rows and the files, and keeps the damaged ones.

        Args:
            deep: also read files in an object store whose metadata is sufficient.

        Raises:
            BackhaulError: a ledger cannot be rebuilt.
        """
        from backhaul.archive.rebuild import rebuild  # noqa: PLC0415 - seldom

        stopped = self._stopping.begin()
        for config in one_per_folder(self.configs):
            rebuild(config, self.plugins, stopped, deep=deep)

    def records(
        self, job: str, *, since: When | None = None, until: When | None = None
    ) -> Iterator[Any]:
        """Yields the decoded records of a job's files in time order, in constant memory.

        A record is a line of JSON Lines, an element of a JSON array (any other document is one record), or
        a CSV row as a dict whose keys are the header's names. Skips footers, blank lines, and lines that are
        not JSON (their number is logged). Each file is first compared with the ledger.

        Args:
            job: the job's name.
            since: only files whose period starts then or later; as for ``Selection.of``.
            until: only files whose period starts before then.

        Raises:
            ConfigError: the job does not exist, or a time is invalid.
            DamagedFileError: a file no longer matches the ledger; no record of it was yielded.
            NoRecordsError: the job has files in the archive, but none in these formats.
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
            job: the job's name.
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

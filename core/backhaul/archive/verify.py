"""Verifies files on disk against the ledger."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from backhaul.archive.compare import Compared, differing
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.archive.reading import verify_file
from backhaul.errors import (
    BackhaulError,
    DiskError,
    ExitCode,
    FailureKind,
    FailureReport,
    InterruptedRunError,
    LockedError,
    worst,
)
from backhaul.ledger.rows import GONE, VOLUME, FileRow, is_doubtful, moment
from backhaul.oserrors import StoppedError, StoreError, describe
from backhaul.selection import ALL, Selection
from backhaul.stopping import Stopped, never, raise_if_stopped
from backhaul.storage.job import take_lease
from backhaul.types import Content, Problem, RemoteFile, SlotState
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import LOST, UNLISTED, VerifyFault, bad_records
from backhaul.verify.memory import keep_freed

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec
    from backhaul.plugins.discovery import Plugins
    from backhaul.plugins.facade import Provider

log = logging.getLogger(__name__)
# Files entered by a rebuild are unknown until the provider lists them.
_HERE: Final = frozenset(
    {SlotState.VERIFIED, SlotState.SUSPECT, SlotState.CORRUPT, SlotState.LOST, SlotState.UNKNOWN}
)
_THREADS: Final = 2
_AT_A_STORE: Final = 16  # threads that wait for objects
_AHEAD: Final = 64  # maximum files being read or queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result of verifying a job's files.

    Attributes:
        job: its name.
        checked: number of files checked.
        compared: how many of these were only compared with the store's listing, not read.
        problems: the files that are damaged or gone.
        stopped: not all files were checked, because ``stop`` was called.
    """

    job: str
    checked: int = 0
    compared: int = 0
    problems: tuple[FailureReport, ...] = ()
    stopped: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``verify`` for this job alone."""
        if self.stopped:
            return ExitCode.INTERRUPTED
        return ExitCode.VERIFICATION if self.problems else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        problems = [each.as_json("file", "kind", "message") for each in self.problems]
        return {"job": self.job, "checked": self.checked, "problems": problems}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of verifying all jobs.

    Attributes:
        jobs: the result of each job.
        stopped: not all jobs were checked, because ``stop`` was called.
    """

    jobs: tuple[Checked, ...]
    stopped: bool = False

    @classmethod
    def of(
        cls, checks: Iterable[Checked], on_job: Callable[[Checked], object] | None = None
    ) -> Self:
        """Collects the results of jobs, and calls ``on_job`` with each as it arrives."""
        jobs: list[Checked] = []
        each = iter(checks)
        while True:
            try:
                checked = next(each, None)
            except InterruptedRunError:
                return cls(jobs=tuple(jobs), stopped=True)
            if checked is None:
                return cls(jobs=tuple(jobs), stopped=any(job.stopped for job in jobs))
            jobs.append(checked)
            if on_job is not None:
                on_job(checked)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.stopped:
            return ExitCode.INTERRUPTED
        return worst([job.exit_code for job in self.jobs])

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {"exit_code": int(self.exit_code), "jobs": [job.as_json() for job in self.jobs]}


class _Bad(NamedTuple):
    """A problem with a file.

    Attributes:
        problem: what is reported.
        name: the file's name.
        read: whether there was a file to read.
        gone: it is no longer on disk, and can be fetched again.
    """

    problem: FailureReport
    name: str
    read: bool
    gone: bool


class _Found(Compared):
    """Findings about a job.

    Attributes:
        checked: as in Checked.
        bad: its files with problems.
        suspects: files that are unchanged but newly found to have bad records.
        stopped: whether the check was to end before the last file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopped = False
        self.checked = 0
        self.bad: list[_Bad] = []
        self.suspects: list[tuple[str, str]] = []


class Check:
    """The provider's offline check of a file's content; does nothing if its plugin is missing."""

    def __init__(self, job: "JobSpec", plugins: "Plugins") -> None:
        self._job = job
        self._provider: Provider | None = None
        try:
            if job.plugin_error is not None:
                raise job.plugin_error
            self._provider = plugins.load(job.source.provider)
        except BackhaulError as error:
            log.warning("%s: skipping the provider's own checks: %s", job.name, error.message)

    def of(self, file: RemoteFile, content: Content) -> Problem | None:
        """The first fatal problem."""
        if self._provider is None:
            return None
        try:
            found = self._provider.check_file(
                self._job.source.options, self._job.options, file, content
            )
        except BackhaulError as error:
            return Problem(error.message, error.kind)
        return next((problem for problem in found if problem.fatal), None)

    def counts_footer(self, file: RemoteFile, content: Content) -> bool:
        """Whether the last line is a footer and not a record, according to the provider's check.

        The check fails if the footer is counted as a record, and passes if it is not.
        """
        if not content.records:
            return False
        footed = replace(file, footer_lines=1)
        less = replace(content, records=content.records - 1)
        return self.of(footed, content) is not None and self.of(footed, less) is None


def check_jobs(
    configs: "Sequence[Config]",
    plugins: "Plugins",
    *,
    only: Sequence[str] = (),
    selection: Selection = ALL,
    deep: bool = False,
    stopped: Stopped = never,
) -> Iterator[Checked]:
    """Verifies the files of the jobs, one job after the other, and marks broken ones in the ledger.

    Args:
        configs: the configurations.
        plugins: the providers.
        only: names of jobs; empty for all.
        selection: the files.
        deep: read the files of a store too, instead of comparing what it lists.
        stopped: whether to end; what was found until then counts.

    Raises ConfigError, LedgerError, StoreError.
    """
    keep_freed()
    for known in known_jobs(configs, only):
        result = _Found()
        if known.row is not None:
            with ExitStack() as held:
                may_write = False
                check = Check(known.spec, plugins)
                limits = ContentLimits.of(known.config.settings)
                one = partial(
                    _one,
                    known,
                    check=check,
                    limits=limits,
                    suspects=result.suspects,
                    stopped=stopped,
                )
                try:
                    may_write = _hold(known, held)
                    _read_all(known, one, result, selection, deep=deep)
                    raise_if_stopped(stopped)
                except InterruptedRunError:
                    result.stopped = True
                for name, message in result.suspects:
                    log.warning("%s: %s is suspect: %s", known.name, name, message)
                if may_write and (result.bad or result.suspects):
                    _mark(known, known.row.id, result)
        problems = tuple(each.problem for each in result.bad)
        yield Checked(
            job=known.name,
            checked=result.checked + result.compared,
            compared=result.compared,
            problems=problems,
            stopped=result.stopped,
        )
        if result.stopped:
            return


def _hold(known: KnownJob, held: ExitStack) -> bool:
    """Keeps a run from starting meanwhile; without the lock, problems are only reported."""
    try:
        held.callback(take_lease(known.dest, known.name).release)
    except (LockedError, DiskError, StoreError) as error:
        log.warning("%s; problems are reported, but not marked for the next run", error)
        return False
    return True


def _read_all(
    known: KnownJob,
    one: Callable[[FileRow], _Bad | None],
    result: _Found,
    selection: Selection,
    *,
    deep: bool,
) -> None:
    assert known.row is not None  # noqa: S101 - the caller has looked
    pending: deque[Future[_Bad | None]] = deque()

    def take() -> None:
        future = pending.popleft()
        bad = future.result()
        result.checked += bad is None or bad.read
        if bad is not None:
            result.bad.append(bad)

    remote = known.folder is not None and known.folder.is_remote
    threads = _AT_A_STORE if remote else _THREADS
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        try:
            rows: Iterator[FileRow] = (
                row
                for row in known.ledger.inventory.files(known.row.id)
                if row.state in _HERE and selection.takes(row.name, moment(row.start))
            )
            if not deep and known.folder is not None and remote:
                rows = differing(known.ledger, known.folder, rows, result)
            for row in rows:
                pending.append(pool.submit(one, row))
                if len(pending) >= _AHEAD:
                    take()
            while pending:
                take()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(
    known: KnownJob,
    row: FileRow,
    *,
    check: Check,
    limits: ContentLimits,
    suspects: list[tuple[str, str]],
    stopped: Stopped,
) -> _Bad | None:
    """The problem with one file, if any. Raises InterruptedRunError."""
    raise_if_stopped(stopped)
    if known.folder is None:
        return _absent(row)
    try:
        content = verify_file(
            known.folder.open,
            row.name,
            row.remote(),
            limits,
            doubtful=is_doubtful(row.state, row.sha256),
            kept=bool(row.flags & VOLUME),
            stopped=stopped,
        )
    except VerifyFault as fault:
        return _bad(row, fault.kind, fault.message)
    except (FileNotFoundError, NotADirectoryError):
        return _absent(row)
    except StoppedError:
        raise
    except OSError as error:
        message = f"cannot read: {describe(error)}"
        return _bad(row, FailureKind.DISK, message, read=False)
    problem = None if row.flags & VOLUME else check.of(row.remote(), content)
    if problem is not None:
        return _bad(row, problem.kind or FailureKind.CORRUPT, problem.message)
    differs = _differs(row, content)
    if differs is None and content.bad_records and row.state is SlotState.VERIFIED:
        suspects.append((row.name, bad_records(content)))
    return differs


def _bad(
    row: FileRow, kind: FailureKind, message: str, *, read: bool = True, gone: bool = False
) -> _Bad:
    report = FailureReport(file=row.name, kind=kind, message=message)
    return _Bad(report, row.name, read, gone)


def _absent(row: FileRow) -> _Bad:
    if row.state is SlotState.CORRUPT:
        return _bad(
            row,
            FailureKind(row.kind or FailureKind.CORRUPT),
            row.message or "complete, but rejected",
            read=False,
        )
    if row.flags & VOLUME or row.state is SlotState.LOST:
        message = row.message if row.state is SlotState.LOST else None
        return _bad(row, LOST.kind, message or LOST.message, read=False)
    if row.flags & GONE:
        return _bad(row, FailureKind.LOST, UNLISTED, read=False)
    message = "was verified, but is no longer on disk"
    return _bad(row, FailureKind.NOT_FOUND, message, read=False, gone=True)


def _differs(row: FileRow, content: Content) -> _Bad | None:
    if row.sha256 in {None, content.sha256}:
        return None
    if row.records != content.records:
        message = f"has {content.records} records, had {row.records} when verified"
        return _bad(row, FailureKind.COUNT_MISMATCH, message)
    message = f"content has changed since it was verified (sha256 {content.sha256[:16]}..., was {(row.sha256 or '')[:16]}...)"
    return _bad(row, FailureKind.CORRUPT, message)


def _mark(known: KnownJob, job: int, result: _Found) -> None:
    for each in result.bad:
        kind = each.problem.kind
        if each.gone:
            known.ledger.files.reset(job, [each.name])
        elif kind is not FailureKind.DISK:
            state = SlotState.LOST if kind is FailureKind.LOST else SlotState.CORRUPT
            known.ledger.files.save_failed(
                job, each.name, state=state, kind=kind.value, message=each.problem.message
            )
    known.ledger.files.save_suspects(job, result.suspects)
    known.ledger.commit()

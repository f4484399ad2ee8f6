"""Concludes a job: counts, failures, contradictions and outcome."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from backhaul.archive.coverage import Silence, count_silence
from backhaul.archive.manifest.write import prepare, remember
from backhaul.archive.snapshot import is_saved, save
from backhaul.archive.snapshot import remember as remember_snapshot
from backhaul.errors import BackhaulError, FailureKind, FailureReport, LockedError
from backhaul.foreign import line
from backhaul.ledger.inventory import Summary
from backhaul.ledger.rows import FileRow, moment, window_of
from backhaul.oserrors import StoreError, describe
from backhaul.run.decide import is_gap
from backhaul.run.doubt import UNREAD, find_doubt
from backhaul.run.job import Job
from backhaul.run.missing_runs import doubt_missing
from backhaul.run.rejected import kept_at, rejected_folder
from backhaul.run.result import FileCounts, JobOutcome, JobResult
from backhaul.run.task import Task
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_job, url_of
from backhaul.storage.location import Location
from backhaul.types import HERE, SlotState, Totals
from backhaul.wording import count

log = logging.getLogger(__name__)
_FINE = frozenset({*HERE, SlotState.PENDING})
_WAITING = frozenset({SlotState.PENDING, SlotState.PARTIAL})


def without_ledger(job: Job) -> JobResult:
    """The result of a job that never started or whose ledger fails, from the run's notes alone."""
    spec = job.spec
    return JobResult(
        job=spec.name,
        source=spec.source.name,
        provider=spec.source.provider,
        state=JobOutcome.PARTIAL if _was_stopped(job.notes) else JobOutcome.FAILED,
        failures=tuple(job.notes),
        folder=url_of(spec.dest, spec.name),
    )


Work = Callable[[], object]
"""Does not use the ledger: any thread can call it."""


def conclude(task: Task, *, durable: bool = True) -> Generator[Work, Any, JobResult]:
    """The job's result, from the ledger and the run's notes; updates its manifest.

    Yields work that may take long at a store; its result is sent back. Raises BackhaulError.
    """
    spec, job, counts, ledger = task.spec, task.job, task.counts, task.ledger
    if not task.id:
        return without_ledger(job)
    if job.listed_whole:
        doubt_missing(task)
    status = job.status
    window = window_of(status)
    here = ledger.inventory.summary(task.id, window, spec.selection)
    states = here.states
    moved: FailureReport | None = yield partial(_moved, task)
    failures = [*job.notes]
    if moved is not None and moved not in failures:
        failures.append(moved)
    if not _FINE.issuperset(states):
        failures.extend(_file_failures(task))
    if task.gone:
        ledger.files.mark_gone(task.id, task.gone)  # reported now, and gaps from the next run on
    verified = sum(states.get(state, 0) for state in HERE)
    finished = job.listed_whole and not job.not_ready and not failures
    # The provider's totals, and the slots without a file, refer to the whole listing.
    whole = spec.selection.is_all
    if finished and whole and not _WAITING.intersection(states):
        failures.extend(reconcile(here, job.status.totals if job.status else None))
    if states.get(SlotState.SUSPECT):
        _name_suspects(task)
    if job.listed_whole and whole:
        ledger.jobs.save_listed(task.id, rate=_rate(task))
    silence = _silence(task, failures)
    if moved is None:
        failures.extend((yield from _manifest(task, durable=durable)))
    ledger.jobs.save_problems(
        task.id, [(note.kind.value, note.message) for note in failures if not note.file]
    )
    ledger.commit()
    yield from _snapshot(task, may_write=moved is None)
    no_row = sum(1 for note in job.notes if note.file) - counts.not_asked
    return JobResult(
        job=spec.name,
        source=spec.source.name,
        provider=spec.source.provider,
        state=_outcome(job, failures, verified=verified, pending=states.get(SlotState.PENDING, 0)),
        files=FileCounts(
            listed=sum(states.values()) + no_row,
            verified=verified,
            fetched=counts.fetched,
            skipped=counts.skipped,
            failed=states.get(SlotState.FAILED, 0) + states.get(SlotState.PARTIAL, 0) + no_row,
            silent=silence.silent if job.listed_whole else 0,
            missing=states.get(SlotState.MISSING, 0),
            corrupt=states.get(SlotState.CORRUPT, 0),
            suspect=states.get(SlotState.SUSPECT, 0),
            replaced=counts.replaced,
            pending=states.get(SlotState.PENDING, 0)
            + states.get(SlotState.PARTIAL, 0)
            + silence.pending,
            lost=states.get(SlotState.LOST, 0),
            unknown=silence.unknown + states.get(SlotState.UNKNOWN, 0),
        ),
        bytes_fetched=counts.bytes,
        records=here.all_records,
        failures=tuple(failures),
        warnings=_warnings(job),
        message=job.status.message if job.status else "",
        folder=url_of(spec.dest, spec.name),
        rejected=str(rejected_folder(spec.dest.workspace, spec.name)),
    )


def _moved(task: Task) -> FailureReport | None:
    """Whether the ledger or the job's folder was moved, or the job taken over: nothing is complete."""
    try:
        task.ledger.check()
        if task.job.begun:
            task.destination.check()
    except LockedError as error:
        return FailureReport(kind=error.kind, message=line(error.message))
    except OSError as error:
        kind = error.kind if isinstance(error, StoreError) else FailureKind.DISK
        return FailureReport(kind=kind, message=line(describe(error)))
    return None


def _manifest(task: Task, *, durable: bool) -> Generator[Work, Any, list[FailureReport]]:
    spec, ledger = task.spec, task.ledger
    row = ledger.jobs.get(spec.name)
    if row is None:
        return []
    try:
        with ExitStack() as opened:
            destination = _open(task, opened, durable=durable)
            if destination is None:
                return []
            new = prepare(ledger, row, destination, opened)
            if new is not None:
                error: OSError | None = yield partial(_tried, new)
                if error is not None:
                    raise error
                remember(ledger, row, destination)
    except InterruptedError:
        return []  # reported by the run
    except OSError as error:  # also when closing it: the file system may have become read-only
        message = f"cannot write the manifest: {describe(error)}"
        kind = error.kind if isinstance(error, StoreError) else FailureKind.DISK
        return [FailureReport(kind=kind, message=message)]
    return []


def _open(task: Task, opened: ExitStack, *, durable: bool) -> Destination | None:
    """The location of the manifest; None if there is nothing to list, or the store has not been listed."""
    spec = task.spec
    if task.job.begun:
        return task.destination if task.began or not task.destination.is_remote else None
    if spec.dest.is_remote:
        return None
    found = find_job(spec.dest, spec.name, durable=durable)
    if found is not None:
        opened.callback(found.close)
    return found


def _snapshot(task: Task, *, may_write: bool) -> Generator[Work, Any, None]:
    """Saves the job's rows next to an archive in a store, if they have changed."""
    spec, ledger = task.spec, task.ledger
    stopped = any(note.kind is FailureKind.INTERRUPTED for note in task.job.notes)
    if not may_write or not task.began or stopped or not task.destination.is_remote:
        return
    if is_saved(ledger, spec.name, task.snapshot):
        return
    found: str | BackhaulError | OSError | None = yield partial(_saved, spec.dest, spec.name)
    if isinstance(found, str):
        task.snapshot = found
        remember_snapshot(ledger, spec.name, found)
        ledger.commit()
    elif found is not None:
        log.warning("%s: no snapshot of the ledger in %s: %s", spec.name, spec.dest, found)


def _saved(dest: Location, job: str) -> str | BackhaulError | OSError | None:
    try:
        return save(dest, job)
    except (BackhaulError, OSError) as error:
        return error


def _tried(work: Callable[[], None]) -> OSError | None:
    try:
        work()
    except OSError as error:
        return error
    return None


def _file_failures(task: Task) -> list[FailureReport]:
    return [
        FailureReport(
            file=row.name,
            kind=FailureKind(row.kind),
            message=row.message or "",
            rejected=kept_at(task.spec.dest.workspace, task.spec.name, row.name),
        )
        for row in task.ledger.inventory.failed(task.id)
        if row.kind is not None and not is_gap(row) and _is_selected(task, row)
    ]


def _name_suspects(task: Task) -> None:
    """Warns of each present file with bad records, in every run."""
    for row in task.ledger.inventory.suspect(task.id):
        if row.message and _is_selected(task, row):
            task.warn(f"{row.name} is suspect: {row.message}")


def _is_selected(task: Task, row: FileRow) -> bool:
    return task.spec.selection.takes(row.name, moment(row.start))


def _outcome(job: Job, failures: list[FailureReport], *, verified: int, pending: int) -> JobOutcome:
    if job.not_ready:
        return JobOutcome.NOT_READY
    if not failures and job.listed_whole and not pending:
        return JobOutcome.COMPLETE
    return JobOutcome.PARTIAL if verified or _was_stopped(failures) else JobOutcome.FAILED


def _was_stopped(failures: list[FailureReport]) -> bool:
    """Whether the job was stopped before anything failed, possibly before it started."""
    return bool(failures) and all(note.kind.is_stop for note in failures)


def _silence(task: Task, failures: list[FailureReport]) -> Silence:
    """Records whether the listing proves which slots are silent; any doubt is a failure."""
    job, ledger = task.job, task.ledger
    row = ledger.jobs.get(task.spec.name)
    if row is None:
        return Silence(0, 0)
    if not task.spec.selection.is_all:
        return count_silence(ledger, row, task.spec.selection)  # as earlier runs left it
    never_read = job.status is not None and row.listed is None and not job.not_ready
    if row.doubt != UNREAD and not never_read:
        return count_silence(ledger, row)  # an earlier run's result still applies
    doubt = find_doubt(task, failures)
    message = "" if doubt is None else doubt.message
    ledger.jobs.save_doubt(task.id, message)
    silence = count_silence(ledger, row._replace(doubt=message))
    reported = job.not_ready or any(note.kind is doubt.kind for note in failures if doubt)
    if doubt is not None and silence.unknown and not reported:
        verb = "is" if silence.unknown == 1 else "are"
        text = f"{count(silence.unknown, 'slot')} {verb} unknown: {message}"
        failures.append(FailureReport(kind=doubt.kind, message=text))
    return silence


def _warnings(job: Job) -> tuple[str, ...]:
    more = (f"and {job.more_warnings} more warnings",) if job.more_warnings else ()
    return (*job.warnings, *more)


def _rate(task: Task) -> float | None:
    seconds = time.monotonic() - (task.began or task.job.started) - task.disk.seconds
    return task.counts.bytes / seconds if task.counts.bytes and seconds > 0 else None


def reconcile(here: Summary, totals: Totals | None) -> Iterator[FailureReport]:
    """Mismatches, once every listed file is verified."""
    if totals is None:
        return
    if totals.records and not here.records and not here.files:
        yield FailureReport(
            kind=FailureKind.COUNT_MISMATCH,
            message=f"provider reports {totals.records} records but delivered none: they may have been"
            " fetched before, to another place; a queue delivers its data once",
        )
        return
    for reported, found, what in (
        (totals.files, here.files, "files"),
        (totals.records, here.records, "records"),
        (totals.bytes, here.bytes, "bytes"),
    ):
        if reported is not None and reported != found:
            yield FailureReport(
                kind=FailureKind.COUNT_MISMATCH,
                message=f"provider reports {reported} {what}; {found} present",
            )

"""The end of a job: counts, failures, what disagrees, and its outcome."""

import time
from dataclasses import replace

from backhaul.archive.coverage import Silence, count_silence
from backhaul.archive.manifest.write import write_manifest
from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.oserrors import describe
from backhaul.run.decide import is_gap
from backhaul.run.doubt import UNREAD, find_doubt
from backhaul.run.reconcile import reconcile
from backhaul.run.rejected import kept_at, rejected_folder
from backhaul.run.result import FailureNote, FileCounts, JobOutcome, JobResult
from backhaul.run.task import Task, clean
from backhaul.storage.folder import JobFolder
from backhaul.types import SlotState
from backhaul.wording import count

_STOPPED = (FailureKind.INTERRUPTED, FailureKind.TIME_LIMIT)  # nothing went wrong, it was ended
_HERE = (SlotState.VERIFIED, SlotState.SUSPECT)
_FINE = frozenset({*_HERE, SlotState.PENDING})
_WAITING = frozenset({SlotState.PENDING, SlotState.PARTIAL})


def conclude(task: Task, ledger: Ledger | None, *, durable: bool = True) -> JobResult:
    """What became of the job, from the ledger and from what the run noted; renews its manifest."""
    spec = task.spec
    if ledger is None or not task.id:
        return JobResult(
            job=spec.name,
            source=spec.source,
            provider=spec.provider,
            outcome=JobOutcome.PARTIAL if _was_stopped(task.notes) else JobOutcome.FAILED,
            failures=tuple(task.notes),
            folder=str(spec.dest / spec.name),
        )
    here = ledger.inventory.summary(task.id)
    states = here.states
    moved = _moved(task, ledger)
    failures = [*task.notes]
    if moved is not None and moved not in failures:
        failures.append(moved)
    if not _FINE.issuperset(states):
        failures.extend(_file_failures(ledger, task))
    if task.gone:
        ledger.files.mark_gone(task.id, task.gone)  # told now, and a gap from now on
    verified = sum(states.get(state, 0) for state in _HERE)
    finished = task.listed_whole and not task.not_ready and not failures
    if finished and not _WAITING.intersection(states):
        failures.extend(reconcile(here, task.status.totals if task.status else None))
    if states.get(SlotState.SUSPECT):
        _name_suspects(task, ledger)
    if task.listed_whole:
        ledger.jobs.save_listed(task.id, rate=_rate(task))
    silence = _silence(task, ledger, failures)
    if moved is None:
        failures.extend(_manifest(task, ledger, durable=durable))
    ledger.jobs.save_problems(
        task.id, [(note.kind.value, note.message) for note in failures if not note.file]
    )
    ledger.commit()
    no_row = sum(1 for note in task.notes if note.file) - task.not_asked
    return JobResult(
        job=spec.name,
        source=spec.source,
        provider=spec.provider,
        outcome=_outcome(
            task, failures, verified=verified, pending=states.get(SlotState.PENDING, 0)
        ),
        files=FileCounts(
            listed=sum(states.values()) + no_row,
            verified=verified,
            fetched=task.fetched,
            skipped=task.skipped,
            failed=states.get(SlotState.FAILED, 0) + states.get(SlotState.PARTIAL, 0) + no_row,
            silent=silence.silent if task.listed_whole else 0,
            missing=states.get(SlotState.MISSING, 0),
            corrupt=states.get(SlotState.CORRUPT, 0),
            suspect=states.get(SlotState.SUSPECT, 0),
            replaced=task.replaced,
            pending=states.get(SlotState.PENDING, 0) + states.get(SlotState.PARTIAL, 0),
            lost=states.get(SlotState.LOST, 0),
            unknown=silence.unknown + states.get(SlotState.UNKNOWN, 0),
        ),
        bytes_fetched=task.bytes_fetched,
        records=here.all_records,
        failures=tuple(failures),
        warnings=_warnings(task),
        message=task.status.message if task.status else "",
        folder=str(spec.dest / spec.name),
        rejected=str(rejected_folder(spec.dest, spec.name)),
    )


def _moved(task: Task, ledger: Ledger) -> FailureNote | None:
    """Whether the ledger or the job's folder are not where they were: then nothing is complete."""
    try:
        ledger.check()
        if task.folder is not None:
            task.folder.check()
    except OSError as error:
        return FailureNote(file=None, kind=FailureKind.DISK, message=clean(describe(error)))
    return None


def _manifest(task: Task, ledger: Ledger, *, durable: bool) -> list[FailureNote]:
    spec = task.spec
    row = ledger.jobs.get(spec.name)
    path = spec.dest / spec.name
    if row is None or (task.folder is None and not path.is_dir()):
        return []
    folder = task.folder
    try:
        folder = folder or JobFolder(path, durable=durable)
        write_manifest(
            ledger, row, folder, source=row.source, provider=row.provider, durable=durable
        )
    except OSError as error:
        message = f"the manifest cannot be written: {describe(error)}"
        return [FailureNote(file=None, kind=FailureKind.DISK, message=message)]
    finally:
        if folder is not None and folder is not task.folder:
            folder.close()
    return []


def _file_failures(ledger: Ledger, task: Task) -> list[FailureNote]:
    return [
        FailureNote(
            file=row.name,
            kind=FailureKind(row.kind),
            message=row.message or "",
            rejected=kept_at(task.spec.dest, task.spec.name, row.name),
        )
        for row in ledger.inventory.failed(task.id)
        if row.kind is not None and not is_gap(row)
    ]


def _name_suspects(task: Task, ledger: Ledger) -> None:
    """Warns of each file that is here though some of its records are bad; in each run, not once."""
    for row in ledger.inventory.suspect(task.id):
        if row.message:
            task.warn(f"{row.name} is suspect: {row.message}")


def _outcome(task: Task, failures: list[FailureNote], *, verified: int, pending: int) -> JobOutcome:
    if task.not_ready:
        return JobOutcome.NOT_READY
    if not failures and task.listed_whole and not pending:
        return JobOutcome.COMPLETE
    return JobOutcome.PARTIAL if verified or _was_stopped(failures) else JobOutcome.FAILED


def _was_stopped(failures: list[FailureNote]) -> bool:
    """Whether it was ended before anything went wrong, perhaps before its turn came."""
    return bool(failures) and all(note.kind in _STOPPED for note in failures)


def _silence(task: Task, ledger: Ledger, failures: list[FailureNote]) -> Silence:
    """Remembers whether the list proves which slots are silent; a doubt about any is a failure."""
    row = ledger.jobs.get(task.spec.name)
    if row is None:
        return Silence(0, 0)
    never_read = task.status is not None and row.listed is None and not task.not_ready
    if row.doubt != UNREAD and not never_read:
        return count_silence(ledger, row)  # what an earlier run found still stands
    doubt = find_doubt(task, ledger, failures)
    message = "" if doubt is None else doubt.message
    ledger.jobs.save_doubt(task.id, message)
    silence = count_silence(ledger, replace(row, doubt=message))
    told = task.not_ready or any(note.kind is doubt.kind for note in failures if doubt)
    if doubt is not None and silence.unknown and not told:
        verb = "is" if silence.unknown == 1 else "are"
        text = f"{count(silence.unknown, 'slot')} {verb} unknown: {message}"
        failures.append(FailureNote(file=None, kind=doubt.kind, message=text))
    return silence


def _warnings(task: Task) -> tuple[str, ...]:
    more = (f"and {task.more_warnings} more warnings",) if task.more_warnings else ()
    return (*task.warnings, *more)


def _rate(task: Task) -> float | None:
    seconds = time.monotonic() - (task.began or task.started) - task.disk.seconds
    return task.bytes_fetched / seconds if task.bytes_fetched and seconds > 0 else None

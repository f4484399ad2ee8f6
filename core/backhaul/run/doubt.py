"""Determines whether the provider's listing proves which slots are silent.

Silence is proven by a listing that was read to its end, agrees with the provider's own counts, and
contains no file with an unknown period. Anything else may hide a file of any slot.
"""

from collections.abc import Iterable, Iterator

from backhaul.errors import FailureKind, FailureReport
from backhaul.ledger.rows import JobRow
from backhaul.run.task import Task
from backhaul.types import JobStatus
from backhaul.wording import count

UNREAD = "the provider's list was not read to its end"
UNSELECTED = "the job's slots have changed since the last run without filters"


def has_new_slots(before: JobRow, status: JobStatus) -> bool:
    """Whether the provider reports other slots than those that were listed."""
    return before.listed is not None and before.slot_runs() != status.slots


def find_doubt(task: Task, failures: Iterable[FailureReport]) -> FailureReport | None:
    """The strongest doubt about the listing; None if it proves which slots are silent.

    Args:
        task: the job.
        failures: the run's failures.
    """
    if task.job.listed_whole:
        return next(_doubts(task, failures), None)
    why = next((note for note in failures if note.file is None), None)
    if why is None:
        return FailureReport(kind=FailureKind.FAILED, message=UNREAD)
    return FailureReport(kind=why.kind, message=f"{UNREAD}: {why.message}")


def _doubts(task: Task, failures: Iterable[FailureReport]) -> Iterator[FailureReport]:
    status, listed = task.job.status, task.ledger.inventory.listed(task.id)
    if status is not None and status.doubt:
        yield _mismatch(status.doubt)
    if task.http.unended:
        message = f"nothing shows where the response of {task.http.unended} ends"
        yield FailureReport(kind=FailureKind.TRUNCATED, message=message)
    if listed.undated:
        files = count(listed.undated, "listed file")
        verb = "has" if listed.undated == 1 else "have"
        message = f"{files} {verb} no period, such as {listed.example}"
        yield FailureReport(kind=FailureKind.FAILED, message=message)
    listed_total = status.totals.files if status is not None and status.totals is not None else None
    if listed_total is not None and listed_total != listed.files:
        yield _mismatch(
            f"provider reports {count(listed_total, 'file')} but lists {listed.files:,}"
        )
    mismatch = FailureKind.COUNT_MISMATCH
    yield from (note for note in failures if note.kind is mismatch and note.file is None)
    for note in task.job.notes:
        if note.file is not None:  # no row in the ledger records it
            yield FailureReport(kind=note.kind, message=f"{note.file}: {note.message}")


def _mismatch(message: str) -> FailureReport:
    return FailureReport(kind=FailureKind.COUNT_MISMATCH, message=message)

"""Why the provider's list does not prove which slots are silent.

Silence is proven like a file: by a list that was read to its end, agrees with the provider's own
counts, and holds nothing whose period is not known. Anything else may hide a file of any slot.
"""

from collections.abc import Iterable, Iterator

from backhaul.errors import FailureKind
from backhaul.run.result import FailureNote
from backhaul.run.task import Task
from backhaul.wording import count

UNREAD = "the provider's list was not read to its end"


def find_doubt(task: Task, failures: Iterable[FailureNote]) -> FailureNote | None:
    """What speaks against the list that the run has read; None: it proves which slots are silent.

    Args:
        task: the run's job.
        failures: what went wrong in the run.
    """
    if task.job.listed_whole:
        return next(_doubts(task, failures), None)
    why = next((note for note in failures if note.file is None), None)
    if why is None:
        return FailureNote(file=None, kind=FailureKind.FAILED, message=UNREAD)
    return FailureNote(file=None, kind=why.kind, message=f"{UNREAD}: {why.message}")


def _doubts(task: Task, failures: Iterable[FailureNote]) -> Iterator[FailureNote]:
    status, listed = task.job.status, task.ledger.inventory.listed(task.id)
    if status is not None and status.doubt:
        yield _mismatch(status.doubt)
    if listed.undated:
        files = count(listed.undated, "listed file")
        verb = "has" if listed.undated == 1 else "have"
        message = f"{files} {verb} no period, such as {listed.example}"
        yield FailureNote(file=None, kind=FailureKind.FAILED, message=message)
    said = status.totals.files if status is not None and status.totals is not None else None
    if said is not None and said != listed.files:
        yield _mismatch(f"provider reports {count(said, 'file')} but lists {listed.files:,}")
    mismatch = FailureKind.COUNT_MISMATCH
    yield from (note for note in failures if note.kind is mismatch and note.file is None)
    for note in task.job.notes:
        if note.file is not None:  # it has no row that could say so in its slot
            yield FailureNote(file=None, kind=note.kind, message=f"{note.file}: {note.message}")


def _mismatch(message: str) -> FailureNote:
    return FailureNote(file=None, kind=FailureKind.COUNT_MISMATCH, message=message)

"""Files that the ledger has and the provider's list has not, once that was read to its end.

They stay in the books: what never came is missing, what was deleted here is lost, and what is here
stays verified.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import GONE, FileRow, is_doubtful
from backhaul.run.accept import Wanted
from backhaul.run.decide import Unlisted, unlisted
from backhaul.run.task import Task
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile, SlotState

_BATCH: Final = 500
NO_LONGER: Final = "no longer listed"
LOST: Final = f"was here, is not any more, and is {NO_LONGER}"
_DAMAGED: Final = f"was here, is damaged now, and is {NO_LONGER}"


def note_unlisted(task: Task, ledger: Ledger, folder: JobFolder) -> Iterator[Wanted]:
    """Enters what the last list has no more; gives what may be on disk again, to be read.

    ``task.gone`` has what this run is the first to miss. Raises OSError, LedgerError.
    """
    task.gone = []
    if ledger.files.count(task.id) == len(task.seen):
        return
    ids = (number for number in ledger.inventory.listed_ids(task.id) if number not in task.seen)
    while batch := list(islice(ids, _BATCH)):
        changed = []
        rows = ledger.inventory.by_ids(batch)
        found = [(row, unlisted(row, folder.size(row.name))) for row in rows]
        for row, what in found:
            if what is Unlisted.LOOK:
                doubtful = is_doubtful(row.state, row.sha256)
                yield Wanted(row.remote(), row.name, row.sha256, doubtful)
            elif what is Unlisted.LOST and row.state is not SlotState.LOST:
                text = LOST if folder.size(row.name) is None else _DAMAGED
                changed.append((row.id, SlotState.LOST, FailureKind.LOST, text))
            elif what is Unlisted.MISSING and not _was_told(row):
                task.gone.append(row.id)
                changed.append((row.id, SlotState.MISSING, FailureKind.NOT_FOUND, _why(row)))
        # What is missing is marked at the end of the run, once that has told of it.
        marked = [
            row.id for row, what in found if what is not Unlisted.MISSING and not row.flags & GONE
        ]
        if changed:
            ledger.files.save_unlisted(task.id, changed)
        if marked:
            ledger.files.mark_gone(task.id, marked)


def _was_told(row: FileRow) -> bool:
    return bool(row.flags & GONE) and row.state is SlotState.MISSING


def save_lost(task: Task, ledger: Ledger, file: RemoteFile) -> None:
    """A file that is listed no more is on disk, but is not what was proven. Raises LedgerError."""
    ledger.files.save_failed(
        task.id, file.name, state=SlotState.LOST, kind=FailureKind.LOST, message=_DAMAGED
    )


def _why(row: FileRow) -> str:
    before = f"; before: {row.message}" if row.message and row.kind is not None else ""
    return row.message if row.message and row.message.startswith(NO_LONGER) else NO_LONGER + before

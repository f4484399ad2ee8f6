"""Handles files in the ledger that a complete listing no longer contains.

They stay in the ledger: what was never fetched is missing, what was deleted locally is lost, and what is
present stays verified.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeAlias

from backhaul.errors import FailureKind
from backhaul.ledger.rows import GONE, FileRow, has_left, is_doubtful, moment, window_of
from backhaul.run.accept import Wanted
from backhaul.run.decide import Unlisted, unlisted
from backhaul.run.task import Task
from backhaul.types import SlotState
from backhaul.verify.fault import NO_LONGER, UNLISTED

_BATCH: Final = 500
_OUTSIDE: Final = "outside the job's period"
_DAMAGED: Final = f"was present, is now damaged, and is {NO_LONGER}"

# Why a file is not present: its id, state, kind, message.
_Absence: TypeAlias = tuple[int, SlotState, FailureKind | None, str]


def note_unlisted(task: Task) -> Iterator[Wanted]:
    """Records files that the listing no longer has; yields those that may be on disk again, to be read.

    Only of the selected files: the listing was not compared with the others.
    ``task.gone`` receives those that this run is the first to miss. Raises OSError, LedgerError.
    """
    ledger, folder = task.ledger, task.destination
    task.gone = []
    if ledger.files.count(task.id) == len(task.seen):
        return
    ids = (number for number in ledger.inventory.listed_ids(task.id) if number not in task.seen)
    while batch := list(islice(ids, _BATCH)):
        kept, absent = [], []
        for row in ledger.inventory.by_ids(batch):
            if not task.spec.selection.takes(row.name, moment(row.start)):
                continue
            size = folder.size(row.name)
            what = unlisted(row, size)
            if what is Unlisted.LOOK:
                doubtful = is_doubtful(row.state, row.sha256)
                yield Wanted(row.remote(), row.name, row.sha256, doubtful)
            elif what is Unlisted.ABSENT:
                absent.append((row, size))
            elif not row.flags & GONE:
                kept.append(row.id)
        if kept:
            ledger.files.mark_gone(task.id, kept)
        save_absent(task, absent)


def save_absent(task: Task, found: Iterable[tuple[FileRow, int | None]]) -> None:
    """Records files that are neither listed nor present as lost, or as missing if never fetched.

    Missing files are marked as gone at the end of the run, after it has reported them. Raises
    LedgerError.

    Args:
        task: their job.
        found: each file's row, and the size of what is on disk in its place.
    """
    changed: list[_Absence] = []
    lost: list[int] = []
    left: list[int] = []
    window = window_of(task.job.status)
    for row, size in found:
        new: _Absence | None = None
        if row.sha256 is not None:
            lost.append(row.id)
            if row.state is not SlotState.LOST:
                text = UNLISTED if size is None else _DAMAGED
                new = row.id, SlotState.LOST, FailureKind.LOST, text
        elif has_left(row, window):
            new = _outside(row)
            if not row.flags & GONE:
                left.append(row.id)
        elif not (row.flags & GONE and row.state is SlotState.MISSING):
            task.gone.append(row.id)
            new = _missing(row)
        if new is not None:
            changed.append(new)
    if changed:
        task.ledger.files.save_absent(task.id, changed)
    if left or (lost and changed):
        task.ledger.files.mark_gone(task.id, [*left, *lost])


def _missing(row: FileRow) -> _Absence:
    return row.id, SlotState.MISSING, FailureKind.NOT_FOUND, _why(row)


def _outside(row: FileRow) -> _Absence | None:
    """For a file outside the job's period: not a failure, and fetched if the period includes it again."""
    if row.state is SlotState.UNKNOWN:  # one of a long run of missing files
        return _missing(row)
    if row.state in {SlotState.MISSING, SlotState.PENDING}:
        return None
    return row.id, SlotState.PENDING, None, _OUTSIDE


def _why(row: FileRow) -> str:
    before = f"; previously: {row.message}" if row.message and row.kind is not None else ""
    return row.message if row.message and row.message.startswith(NO_LONGER) else NO_LONGER + before

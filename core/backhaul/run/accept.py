"""Decides which listed files are known, present or to be fetched."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from backhaul.errors import FailureKind
from backhaul.ledger.rows import LISTED, KnownRow, is_doubtful, listed_values
from backhaul.run.batches import Batch, Entry, printable, settled, sort_out
from backhaul.run.decide import FETCH, Action, Decision, decide
from backhaul.run.task import EarlierVersion, Task
from backhaul.transfer.condition import strong
from backhaul.types import RemoteFile, SlotState

_AGAIN = frozenset(
    {SlotState.FAILED, SlotState.CORRUPT, SlotState.MISSING, SlotState.PARTIAL, SlotState.LOST}
)
_STAYS = frozenset({Action.HERE, Action.AGREES})


class Wanted(NamedTuple):
    """A file to obtain; it may already be on disk without the ledger knowing.

    Attributes:
        file: the listed file.
        on_disk: where it may be on disk.
        sha256: accept only these bytes from disk; None: accept what reading proves.
        doubtful: it arrived damaged and was never verified.
        validator: it is present and came with this validator: fetch only if it has changed.
    """

    file: RemoteFile
    on_disk: str | None = None
    sha256: str | None = None
    doubtful: bool = False
    validator: str | None = None


def accept(
    task: Task, listed: Sequence[RemoteFile], *, only_failed: bool, refresh: bool = False
) -> list[Wanted]:
    """Records a batch of listed files in the ledger and returns the wanted ones.

    Unusable and colliding names are noted and skipped. Raises HeldError before anything has changed, so
    the call can be repeated.
    """
    batch = sort_out(listed, partial(_known, task))
    known = [entry.key for entry in batch.plain if entry.row is not None] if refresh else []
    validators = task.ledger.files.validators(task.id, known) if known else {}
    # If the ledger is locked, the whole call is repeated: note nothing before this.
    new = _add_new(task, [entry for entry in batch.plain if entry.row is None])
    _tell(task, batch)
    left = batch.plain
    if not refresh:
        stay, left = settled(batch.plain, task.destination.size, task.seen)
        _count(task, [row.id for row, _ in stay], here=True)
    wanted = [Wanted(file) for file in batch.split if _is_new(task, file)]
    left = [entry for entry in left if _comes_first(task, entry.file, _number(entry, new))]
    decisions = [_decide(task, entry) for entry in left]
    _note(task, left, decisions)
    for entry, decision in zip(left, decisions, strict=True):
        (key, file, row), number = entry, _number(entry, new)
        here = decision.action in _STAYS
        _count(task, [number], here=here and not refresh)
        stays = here or decision.action is Action.GAP
        if (stays and not refresh) or file.name in task.open or number in task.tried:
            continue
        if only_failed and not (row is not None and (row.state in _AGAIN or decision.contradicts)):
            continue
        task.open.add(file.name)
        if row is not None and row.sha256 is not None:
            task.replaceable.add(file.name)
        if refresh or decision.contradicts:
            sha256 = row.sha256 if row is not None else None
            task.older[file.name] = EarlierVersion(number, sha256, here=here)
        if refresh:
            stored = validators.get(key) if here else None
            wanted.append(Wanted(file, validator=stored and strong(*stored)))
        else:
            doubtful = row is not None and is_doubtful(row.state, row.sha256)
            wanted.append(Wanted(file, decision.found, decision.sha256, doubtful))
    return wanted


def _known(task: Task, keys: list[str]) -> dict[str, KnownRow]:
    return task.ledger.files.known(task.id, keys) if task.has_rows else {}


def _add_new(task: Task, entries: Sequence[Entry]) -> dict[str, int]:
    """Adds new files to the ledger and returns their ids by key. Raises HeldError."""
    if not entries:
        return {}
    ids = task.ledger.files.add(task.id, [entry.file for entry in entries])
    task.has_rows = True
    return {entry.key: number for entry, number in zip(entries, ids, strict=True)}


def _number(entry: Entry, new: Mapping[str, int]) -> int:
    return entry.row.id if entry.row is not None else new[entry.key]


def _tell(task: Task, batch: Batch) -> None:
    """Notes the files of a batch that cannot be used."""
    for file in batch.repeated:
        _repeated(task, file)
    for refused in batch.refused:
        if refused.row is not None:
            task.ledger.files.look(refused.row, refused.file.name)
        _refuse(task, refused.file, refused.reason)


def _comes_first(task: Task, file: RemoteFile, number: int) -> bool:
    """Whether the file is seen for the first time in this listing round."""
    first = task.seen.add(number)
    if not first:
        _repeated(task, file)
    return first


def _decide(task: Task, entry: Entry) -> Decision:
    """Decides about a file; in a folder that was empty, does not look for it."""
    if entry.row is None:
        return (
            FETCH if task.destination.was_empty else decide(None, entry.file, task.destination.size)
        )
    task.ledger.files.look(entry.row, entry.file.name)
    return decide(entry.row, entry.file, task.destination.size)


def _count(task: Task, numbers: Sequence[int], *, here: bool) -> None:
    """Counts listed files and those already present, once for all listing rounds."""
    new = len(numbers)
    if task.listing_round:
        new = sum(number not in task.before for number in numbers)
    task.counts.listed += new
    task.counts.skipped += new * here


def _is_new(task: Task, file: RemoteFile) -> bool:
    """Whether a chunked file, which has no row of its own, is seen for the first time in this run."""
    if file.name in task.streamed:
        return False
    task.streamed.add(file.name)
    return True


def _note(task: Task, entries: Sequence[Entry], decisions: Sequence[Decision]) -> None:
    """Updates the ledger's rows from the listing, including what it proves or contradicts."""
    files = task.ledger.files
    updates: dict[bool, list[tuple[int, RemoteFile]]] = {False: [], True: []}
    proven, absent = [], []
    for entry, decision in zip(entries, decisions, strict=True):
        row = entry.row
        if row is None:
            continue
        if row[LISTED:] != listed_values(entry.file):
            updates[decision.contradicts].append((row.id, entry.file))
        if decision.action is Action.AGREES:
            proven.append((decision.proof, row.id))
        elif decision.absent:
            absent.append(row.name)
    if absent:
        files.reset(task.id, absent)
    if updates[False]:
        files.renew(task.id, updates[False])
    if updates[True]:
        files.mark_changed(task.id, updates[True])
    if proven:
        files.agree(task.id, proven)


def _repeated(task: Task, file: RemoteFile) -> None:
    """Warns of a name that is listed twice."""
    if task.listing_round == 0:
        task.warn(f"listed more than once: {printable(file.name)}")


def _refuse(task: Task, file: RemoteFile, reason: str) -> None:
    """Notes an unusable name, once."""
    if file.name not in task.refused:
        task.refused.add(file.name)
        task.counts.listed += 1
        task.note(FailureKind.UNSAFE_NAME, reason, file=printable(file.name))

"""From what the provider lists to what there is to do: known, here, or to be fetched."""

from collections.abc import Sequence

from backhaul import names
from backhaul.archive.standing import HERE
from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.frozen import dataclass
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import LISTED, KnownRow, is_doubtful, listed_values
from backhaul.run.decide import FETCH, Decision, What, decide
from backhaul.run.task import Older, Task
from backhaul.storage.folder import JobFolder
from backhaul.transfer.condition import strong
from backhaul.types import RemoteFile, SlotState

_LONGEST_NAME = 200  # characters of a name that are shown
_AGAIN = frozenset(
    {SlotState.FAILED, SlotState.CORRUPT, SlotState.MISSING, SlotState.PARTIAL, SlotState.LOST}
)
_STAYS = frozenset({What.HERE, What.AGREES})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be had: perhaps it lies on disk already, unknown to the ledger.

    Attributes:
        file: what is wanted.
        on_disk: where it may lie.
        sha256: only these bytes are taken from disk; None: what reading them proves.
        doubtful: it came damaged and was never proven.
        validator: it is here, and came with this: fetched again only if it has changed.
    """

    file: RemoteFile
    on_disk: str | None = None
    sha256: str | None = None
    doubtful: bool = False
    validator: str | None = None


def accept(
    task: Task,
    batch: Sequence[RemoteFile],
    *,
    only_failed: bool,
    refresh: bool = False,
) -> list[Wanted]:
    """Enters a batch of listed files into the ledger and says which are wanted.

    Names that cannot be used and names that collide are noted and left out, one by one. Raises
    HeldError before anything has changed, so that it can be called again.
    """
    ledger, folder = task.ledger, task.folder
    # No name can be looked for before it is known to be valid Unicode.
    asked = [
        (names.key(file.name), file)
        for file in batch
        if file.name.isascii() or _is_usable(task, file)
    ]
    rows = ledger.files.known(task.id, [key for key, _ in asked]) if task.has_rows else {}
    asked = [
        (key, file)
        for key, file in asked
        if key in rows or not file.name.isascii() or _is_usable(task, file)
    ]
    validators = ledger.files.validators(task.id, list(rows)) if refresh and rows else {}
    # Others may hold the ledger, and then all is done once more: nothing is noted before.
    added = _add_new(task, ledger, asked, rows)
    files = _unsettled(task, folder, asked, rows, refresh=refresh)
    for key, file in files:
        if key in rows:
            ledger.files.look(rows[key], file.name)
    plain = [(key, file) for key, file in files if file.split is None]
    decisions = _decide(folder, plain, rows)
    _note(task, ledger, plain, rows, decisions)
    wanted = [Wanted(file) for _, file in files if file.split is not None and _is_new(task, file)]
    for (key, file), decision in zip(plain, decisions, strict=True):
        row = rows.get(key)
        number, name = added[key] if row is None else (row.id, row.name)
        if name != file.name:
            _collides(task, file, name)
            continue
        if number in task.seen:
            _repeated(task, file)
            continue
        task.seen.add(number)
        here = decision.what in _STAYS
        _count(task, number, here=here and not refresh)
        settled = here or decision.what is What.GAP
        if (settled and not refresh) or file.name in task.open or number in task.tried:
            continue
        if only_failed and not (row is not None and (row.state in _AGAIN or decision.contradicts)):
            continue
        task.open.add(file.name)
        if refresh or decision.contradicts:
            sha256 = row.sha256 if row is not None else None
            task.older[file.name] = Older(number, sha256, here=here)
        if refresh:
            came = validators.get(key) if here else None
            wanted.append(Wanted(file, validator=came and strong(*came)))
        else:
            doubtful = row is not None and is_doubtful(row.state, row.sha256)
            wanted.append(Wanted(file, decision.found, decision.sha256, doubtful))
    return wanted


def _decide(
    folder: JobFolder, files: Sequence[tuple[str, RemoteFile]], rows: dict[str, KnownRow]
) -> list[Decision]:
    """What is to be done for each file; in a folder that was empty, nothing is looked for."""
    empty = folder.was_empty
    return [
        FETCH if row is None and empty else decide(row, file, folder.size)
        for key, file in files
        for row in (rows.get(key),)
    ]


def _unsettled(
    task: Task,
    folder: JobFolder,
    asked: Sequence[tuple[str, RemoteFile]],
    rows: dict[str, KnownRow],
    *,
    refresh: bool,
) -> list[tuple[str, RemoteFile]]:
    """The files for which something is to be done: not those that are listed and here as before.

    Nor those whose names are refused. The same as ``decide`` would say, but quicker.
    """
    left = []
    for key, file in asked:
        row = rows.get(key)
        if row is None:
            left.append((key, file))
        elif row.name != file.name:
            # Of a name that the ledger has, it was asked when it got there.
            if not file.name.isascii() or _is_usable(task, file):
                left.append((key, file))
        elif (
            row[LISTED:] == listed_values(file)
            and file.split is None
            and not refresh
            and row.state in HERE
            and folder.size(row.name) == row.size
            and task.seen.add(row.id)
        ):
            _count(task, row.id, here=True)
        else:
            left.append((key, file))
    return left


def _count(task: Task, number: int, *, here: bool) -> None:
    if not task.wave or number not in task.before:
        task.counts.listed += 1
        task.counts.skipped += here


def _is_new(task: Task, file: RemoteFile) -> bool:
    """Whether a file in pieces, which has no row of its own, has not come by in this run."""
    if file.name in task.streamed:
        return False
    task.streamed.add(file.name)
    return True


def _is_usable(task: Task, file: RemoteFile) -> bool:
    reason = names.unsafe(file.name)
    if reason is not None:
        _refuse(task, file, f"its name {reason}")
    return reason is None


def _add_new(
    task: Task,
    ledger: Ledger,
    files: Sequence[tuple[str, RemoteFile]],
    rows: dict[str, KnownRow],
) -> dict[str, tuple[int, str]]:
    """Adds what is new to the ledger; gives ids and names by key.

    Of new names that collide the last in order has the key, wherever in the list it stands: lower
    case before upper case, and composed before decomposed.
    """
    fresh: dict[str, RemoteFile] = {}
    for key, file in files:
        if key in rows or file.split is not None:
            continue
        if key not in fresh or file.name > fresh[key].name:
            fresh[key] = file
    if not fresh:
        return {}
    ids = ledger.files.add(task.id, list(fresh.values()))
    task.has_rows = True
    return {key: (number, fresh[key].name) for number, key in zip(ids, fresh, strict=True)}


def _note(
    task: Task,
    ledger: Ledger,
    files: Sequence[tuple[str, RemoteFile]],
    rows: dict[str, KnownRow],
    decisions: Sequence[Decision],
) -> None:
    """Has the ledger's rows say what the list says now, and what it proves or contradicts.

    A name may be listed twice: what its first place says counts.
    """
    noted: set[int] = set()
    said: dict[bool, list[tuple[int, RemoteFile]]] = {False: [], True: []}
    proven, absent = [], []
    for (key, file), decision in zip(files, decisions, strict=True):
        row = rows.get(key)
        if row is None or row.name != file.name or row.id in task.seen or row.id in noted:
            continue
        noted.add(row.id)
        if row[LISTED:] != listed_values(file):
            said[decision.contradicts].append((row.id, file))
        if decision.what is What.AGREES:
            proven.append((decision.proof, row.id))
        elif decision.absent:
            absent.append(row.name)
    if absent:
        ledger.files.reset(task.id, absent)
    if said[False]:
        ledger.files.renew(task.id, said[False])
    if said[True]:
        ledger.files.contradict(task.id, said[True])
    if proven:
        ledger.files.agree(task.id, proven)


def printable(name: str) -> str:
    """A provider's name as it may be shown and stored, whatever it holds."""
    return line(name, limit=_LONGEST_NAME)


def _repeated(task: Task, file: RemoteFile) -> None:
    """Listed twice under the same name: a word of warning."""
    if task.wave == 0:
        task.warn(f"listed more than once: {printable(file.name)}")


def _collides(task: Task, file: RemoteFile, other: str) -> None:
    _refuse(task, file, f"its name differs from that of {printable(other)} only in case or form")


def _refuse(task: Task, file: RemoteFile, reason: str) -> None:
    """Notes a name that cannot be used, once, however often it is listed."""
    if file.name not in task.refused:
        task.refused.add(file.name)
        task.counts.listed += 1
        task.note(FailureKind.UNSAFE_NAME, reason, file=printable(file.name))

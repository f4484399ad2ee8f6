"""From what the provider lists to what there is to do: known, here, or to be fetched."""

from collections.abc import Sequence

from backhaul import names
from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.frozen import dataclass
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import LISTED, KnownRow, is_doubtful, listed_values
from backhaul.run.task import Task
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile, SlotState
from backhaul.verify.verifier import PROVABLE

_LONGEST_NAME = 200  # characters of a name that are shown
_HERE = frozenset({SlotState.VERIFIED, SlotState.SUSPECT})
_AGAIN = frozenset({SlotState.FAILED, SlotState.CORRUPT, SlotState.MISSING, SlotState.PARTIAL})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be had: perhaps it lies on disk already, unknown to the ledger.

    Attributes:
        file: what is wanted.
        on_disk: where it may lie.
        sha256: what it was when it was last proven; only the same is taken from disk.
        doubtful: it came damaged and was never proven.
    """

    file: RemoteFile
    on_disk: str | None = None
    sha256: str | None = None
    doubtful: bool = False


def accept(
    task: Task, ledger: Ledger, folder: JobFolder, batch: Sequence[RemoteFile], *, only_failed: bool
) -> list[Wanted]:
    """Enters a batch of listed files into the ledger and says which are wanted.

    Names that cannot be used and names that collide are noted and left out, one by one.
    """
    # No name can be looked for before it is known to be valid Unicode.
    asked = [
        (names.key(file.name), file)
        for file in batch
        if file.name.isascii() or _is_usable(task, file)
    ]
    rows = ledger.files.known(task.id, [key for key, _ in asked]) if task.has_rows else {}
    files = _unsettled(task, folder, asked, rows)
    for key, _ in files:
        if key in rows:
            ledger.files.look(rows[key])
    plain = [(key, file) for key, file in files if file.split is None]
    added = _enter(task, ledger, plain, rows)
    wanted = [Wanted(file) for _, file in files if file.split is not None and _is_new(task, file)]
    for key, file in plain:
        row = rows.get(key)
        number = added[key] if row is None else row.id
        if number in task.seen:
            _repeated(task, file, row)
            continue
        if row is not None and row.name != file.name:
            _collides(task, file, row.name)
            continue
        task.seen.add(number)
        here = row is not None and _is_here(folder, row)
        _count(task, file, number, here=here)
        if here or file.name in task.open or number in task.tried:
            continue
        if not only_failed or (row is not None and row.state in _AGAIN):
            task.open.add(file.name)
            sha256 = row.sha256 if row is not None else None
            doubtful = row is not None and is_doubtful(row.state, row.sha256)
            wanted.append(Wanted(file, _find(folder, file, row), sha256, doubtful))
    return wanted


def _unsettled(
    task: Task,
    folder: JobFolder,
    asked: Sequence[tuple[str, RemoteFile]],
    rows: dict[str, KnownRow],
) -> list[tuple[str, RemoteFile]]:
    """The files for which something is to be done: not those that are listed and here as before.

    Nor those whose names are refused.
    """
    left = []
    for key, file in asked:
        row = rows.get(key)
        if row is None or row.name != file.name:
            # Of a name that the ledger has, it was asked when it got there.
            if not file.name.isascii() or _is_usable(task, file):
                left.append((key, file))
        elif (
            row[LISTED:] == listed_values(file)
            and file.split is None
            and _is_here(folder, row)
            and task.seen.add(row.id)
        ):
            _count(task, file, row.id, here=True)
        else:
            left.append((key, file))
    return left


def _is_here(folder: JobFolder, row: KnownRow) -> bool:
    return row.state in _HERE and folder.size(row.name) == row.size


def _count(task: Task, file: RemoteFile, number: int, *, here: bool) -> None:
    if not task.wave or number not in task.before:
        task.listed += 1
        task.listed_bytes += file.size or 0
        task.skipped += here


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


def _enter(
    task: Task,
    ledger: Ledger,
    files: Sequence[tuple[str, RemoteFile]],
    rows: dict[str, KnownRow],
) -> dict[str, int]:
    """Adds what is new to the ledger, renews what changed; gives the new ones' ids by key."""
    fresh = {key: file for key, file in reversed(files) if key not in rows}
    news = [
        (row.id, file)
        for key, file in files
        if (row := rows.get(key)) is not None
        and row.name == file.name
        and row[LISTED:] != listed_values(file)
    ]
    if news:
        ledger.files.renew(task.id, news)
    if not fresh:
        return {}
    new_keys = list(reversed(fresh))
    ids = ledger.files.add(task.id, [fresh[key] for key in new_keys])
    task.has_rows = True
    return dict(zip(new_keys, ids, strict=True))


def printable(name: str) -> str:
    """A provider's name as it may be shown and stored, whatever it holds."""
    return line(name, limit=_LONGEST_NAME)


def _repeated(task: Task, file: RemoteFile, row: KnownRow | None) -> None:
    """Listed twice: the same name is a word of warning, one that differs in case a refusal."""
    if row is not None and row.name != file.name:
        _collides(task, file, row.name)
    elif row is None and file.name not in task.open:
        _collides(task, file, "an earlier one")
    elif task.wave == 0:
        task.warn(f"listed more than once: {printable(file.name)}")


def _collides(task: Task, file: RemoteFile, other: str) -> None:
    _refuse(task, file, f"its name differs from that of {printable(other)} only in case or form")


def _refuse(task: Task, file: RemoteFile, reason: str) -> None:
    """Notes a name that cannot be used, once, however often it is listed."""
    if file.name not in task.refused:
        task.refused.add(file.name)
        task.listed += 1
        task.note(FailureKind.UNSAFE_NAME, reason, file=printable(file.name))


def _find(folder: JobFolder, file: RemoteFile, row: KnownRow | None) -> str | None:
    """A file on disk that may be the one: it must be such that reading it proves it whole."""
    proves_itself = file.content in PROVABLE or file.size is not None or file.checksum is not None
    known = row is not None and row.sha256 is not None
    if folder.was_empty or not (known or proves_itself):
        return None
    if row is not None and row.state in _HERE:
        return None  # it was proven with another size
    for name in (file.name, *file.aliases):
        if (name == file.name or names.unsafe(name) is None) and folder.size(name) is not None:
            return name
    return None

"""From what the provider lists to what there is to do: known, here, or to be fetched."""

from collections.abc import Sequence
from dataclasses import dataclass

from backhaul import names
from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import OPTIONAL, PIECE, SUSPECT, FileRow, stamp
from backhaul.run.task import Task
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile, SlotState

_HERE = frozenset({SlotState.VERIFIED, SlotState.SUSPECT})
_AGAIN = frozenset({SlotState.FAILED, SlotState.CORRUPT, SlotState.MISSING, SlotState.PARTIAL})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be had: perhaps it lies on disk already, unknown to the ledger."""

    file: RemoteFile
    on_disk: str | None = None


def accept(
    task: Task, ledger: Ledger, folder: JobFolder, batch: Sequence[RemoteFile], *, only_failed: bool
) -> list[Wanted]:
    """Enters a batch of listed files into the ledger and says which are wanted.

    Names that cannot be used and names that collide are noted and left out, one by one.
    """
    first_wave = task.wave == 0
    files = []
    for file in batch:
        reason = names.unsafe(file.name)
        if reason is None:
            files.append(file)
        elif first_wave:
            task.listed += 1
            task.note(FailureKind.UNSAFE_NAME, f"its name {reason}", file=printable(file.name))
    plain = [file for file in files if file.split is None]
    rows = ledger.known(task.id, plain)
    fresh = [file for file in plain if _is_news(file, rows.get(names.key(file.name)))]
    if fresh:
        ledger.list_files(task.id, fresh)
        rows |= ledger.known(task.id, fresh)
    wanted = []
    for file in files:
        if file.split is not None:
            wanted.append(Wanted(file))
            continue
        row = rows[names.key(file.name)]
        if _repeated(task, file, row):
            continue
        task.seen.add(row.id)
        if first_wave:
            task.listed += 1
            task.listed_bytes += file.size or 0
        if file.name in task.open or row.id in task.tried:
            continue
        if row.state in _HERE and folder.size(file.name) == row.size:
            if first_wave:
                task.skipped += 1
            continue
        if only_failed and row.state not in _AGAIN:
            continue
        task.open.add(file.name)
        wanted.append(Wanted(file, _find(folder, file)))
    return wanted


def printable(name: str) -> str:
    """A provider's name as it may be shown and stored, whatever it holds."""
    text = name if len(name) <= 200 else f"{name[:200]}..."  # noqa: PLR2004
    return (
        "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _repeated(task: Task, file: RemoteFile, row: FileRow) -> bool:
    if row.id not in task.seen and row.name == file.name:
        return False
    if task.wave == 0:
        if row.name != file.name:
            task.listed += 1
            task.note(
                FailureKind.UNSAFE_NAME,
                f"its name differs from that of {printable(row.name)} only in case or form",
                file=printable(file.name),
            )
        else:
            task.warn(f"listed more than once: {printable(file.name)}")
    return True


def _is_news(file: RemoteFile, row: FileRow | None) -> bool:
    if row is None:
        return True
    flags = (OPTIONAL * file.optional) | (SUSPECT * file.suspect)
    return row.name == file.name and (
        row.start != stamp(file.start)
        or row.end != stamp(file.end)
        or row.listed_size != file.size
        or row.listed_records != file.records
        or row.content != file.content
        or row.footer_lines != file.footer_lines
        or row.checksum != file.checksum
        or (row.flags & ~PIECE) != flags
    )


def _find(folder: JobFolder, file: RemoteFile) -> str | None:
    for name in (file.name, *file.aliases):
        if (name == file.name or names.unsafe(name) is None) and folder.size(name) is not None:
            return name
    return None

"""Sorts a batch of listed files by whether their names can be used. Pure; shared by run and plan."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from backhaul import names
from backhaul.foreign import line
from backhaul.ledger.rows import KnownRow
from backhaul.run.decide import is_settled
from backhaul.run.id_set import IdSet
from backhaul.storage.destination import SizeOf
from backhaul.types import RemoteFile

_LONGEST_NAME = 200  # maximum characters of a name in messages


class Entry(NamedTuple):
    """A listed file with a usable name.

    Attributes:
        key: equal for names that collide on some file system, see ``names.key``.
        file: the listed file.
        row: the ledger's row; None if new.
    """

    key: str
    file: RemoteFile
    row: KnownRow | None


# From a tuple, in half the time; a million are created.
_entry: Callable[[tuple[str, RemoteFile, KnownRow | None]], Entry] = partial(tuple.__new__, Entry)


class Refused(NamedTuple):
    """A listed file whose name is invalid or collides with another.

    Attributes:
        file: the listed file.
        reason: the reason, for messages.
        row: the row of the file that it collides with.
    """

    file: RemoteFile
    reason: str
    row: KnownRow | None = None


class Batch(NamedTuple):
    """A batch of the listing, in its order.

    Attributes:
        plain: files with a row of their own, existing or to be added; a known file may occur twice.
        split: chunked files, which have no row of their own.
        repeated: new files that occur more than once in the batch.
        refused: files with unusable names.
    """

    plain: list[Entry]
    split: list[RemoteFile]
    repeated: list[RemoteFile]
    refused: list[Refused]


def sort_out(
    files: Sequence[RemoteFile], known: Callable[[list[str]], Mapping[str, KnownRow]]
) -> Batch:
    """Sorts out files whose names cannot be used.

    Of colliding names, the one in the ledger wins. Among new names, the last in sort order wins,
    whatever their order in the listing: lower case over upper case, composed over decomposed.

    Args:
        files: the batch.
        known: looks up ledger rows by key.
    """
    refused: list[Refused] = []
    # Names must be valid Unicode before they can be looked up.
    usable = [file for file in files if file.name.isascii() or _is_usable(file, refused)]
    keys = names.keys([file.name for file in usable])
    rows = known(keys)
    plain: list[Entry] = []
    split: list[RemoteFile] = []
    new: dict[str, Entry] = {}
    for key, file in zip(keys, usable, strict=True):
        row = rows.get(key)
        # A name in the ledger was checked when it was added.
        if row is None or row.name != file.name:
            if file.name.isascii() and not _is_usable(file, refused):
                continue
            if row is not None and file.split is None:
                refused.append(Refused(file, _collides(row.name), row))
                continue
        if file.split is not None:
            split.append(file)
            continue
        entry = _entry((key, file, row))
        plain.append(entry)
        if row is None and (key not in new or file.name > new[key].file.name):
            new[key] = entry
    repeated: list[RemoteFile] = []
    if new and len(new) < sum(entry.row is None for entry in plain):
        plain = [each for each in plain if _is_taken(each, new, repeated, refused)]
    return Batch(plain, split, repeated, refused)


def settled(
    entries: Sequence[Entry], size_of: SizeOf, seen: IdSet
) -> tuple[list[tuple[KnownRow, RemoteFile]], list[Entry]]:
    """Separates files that are present and listed as before from those that need a decision.

    Args:
        entries: entries of a batch.
        size_of: size of a file on disk; None if there is none.
        seen: ledger ids of files listed so far; the settled ones are added.
    """
    here, left = [], []
    for entry in entries:
        _, file, row = entry
        if row is not None and is_settled(row, file, size_of) and seen.add(row.id):
            here.append((row, file))
        else:
            left.append(entry)
    return here, left


def _is_usable(file: RemoteFile, refused: list[Refused]) -> bool:
    reason = names.unsafe(file.name)
    if reason is not None:
        refused.append(Refused(file, f"its name {reason}"))
    return reason is None


def _is_taken(
    entry: Entry, new: Mapping[str, Entry], repeated: list[RemoteFile], refused: list[Refused]
) -> bool:
    if entry.row is not None or new[entry.key] is entry:
        return True
    name = new[entry.key].file.name
    if name == entry.file.name:
        repeated.append(entry.file)
    else:
        refused.append(Refused(entry.file, _collides(name)))
    return False


def _collides(name: str) -> str:
    return f"its name differs from {printable(name)} only in case or Unicode normalization"


def printable(name: str) -> str:
    """A provider's name made safe to display and store."""
    return line(name, limit=_LONGEST_NAME)

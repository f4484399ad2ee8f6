"""Which files of a batch of the provider's list are taken, by their names; pure, for a run and a plan."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from backhaul import names
from backhaul.foreign import line
from backhaul.ledger.rows import KnownRow
from backhaul.run.decide import SizeOf, is_settled
from backhaul.run.id_set import IdSet
from backhaul.types import RemoteFile

_LONGEST_NAME = 200  # characters of a name that are shown


class Entry(NamedTuple):
    """A listed file whose name can be used.

    Attributes:
        key: what its name shares with those that cannot lie beside it, see ``names.key``.
        file: what the provider says of it.
        row: what the ledger knows of it; None: it is new.
    """

    key: str
    file: RemoteFile
    row: KnownRow | None


class Refused(NamedTuple):
    """A listed file that cannot lie on disk by its name, or not beside another one.

    Attributes:
        file: what the provider says of it.
        reason: why, for people.
        row: what the ledger knows of a file whose name it collides with.
    """

    file: RemoteFile
    reason: str
    row: KnownRow | None = None


class Batch(NamedTuple):
    """A batch of the list, name by name, in the order of the list.

    Attributes:
        plain: files that have a row of their own, or get one; a known one may be there twice.
        split: files in pieces, which have none.
        repeated: new files that the batch has had before.
        refused: files whose names cannot be used.
    """

    plain: list[Entry]
    split: list[RemoteFile]
    repeated: list[RemoteFile]
    refused: list[Refused]


def sort_out(
    files: Sequence[RemoteFile], known: Callable[[list[str]], Mapping[str, KnownRow]]
) -> Batch:
    """Takes the files whose names can be used.

    Of names that collide, the one that the ledger has is taken. Of new ones it is the last in
    order, wherever in the list it stands: lower case before upper case, and composed before
    decomposed.

    Args:
        files: the batch.
        known: gives what the ledger knows of files, by key.
    """
    refused: list[Refused] = []
    # No name can be looked for before it is known to be valid Unicode.
    asked = [
        (names.key(file.name), file)
        for file in files
        if file.name.isascii() or _is_usable(file, refused)
    ]
    rows = known([key for key, _ in asked])
    plain: list[Entry] = []
    split: list[RemoteFile] = []
    new: dict[str, Entry] = {}
    for key, file in asked:
        row = rows.get(key)
        # Of a name that the ledger has, it was asked when it got there.
        if row is None or row.name != file.name:
            if file.name.isascii() and not _is_usable(file, refused):
                continue
            if row is not None and file.split is None:
                refused.append(Refused(file, _collides(row.name), row))
                continue
        if file.split is not None:
            split.append(file)
            continue
        entry = Entry(key, file, row)
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
    """The files that are here and listed as before, and those for which more is to be decided.

    Args:
        entries: of a batch.
        size_of: bytes of a file on disk; None when there is none.
        seen: ledger ids of files that came by; the first ones are in it afterwards.
    """
    here, left = [], []
    for entry in entries:
        row = entry.row
        if row is not None and is_settled(row, entry.file, size_of) and seen.add(row.id):
            here.append((row, entry.file))
        else:
            left.append(entry)
    return here, left


def _is_usable(file: RemoteFile, refused: list[Refused]) -> bool:
    reason = names.unsafe(file.name)
    if reason is not None:
        refused.append(Refused(file, f"its name {reason}"))
    return reason is None


def _is_taken(
    entry: Entry,
    new: Mapping[str, Entry],
    repeated: list[RemoteFile],
    refused: list[Refused],
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
    return f"its name differs from that of {printable(name)} only in case or form"


def printable(name: str) -> str:
    """A provider's name as it may be shown and stored, whatever it holds."""
    return line(name, limit=_LONGEST_NAME)

"""Compares the objects of a store with the ledger, by one listing and without reading them."""

from collections.abc import Iterable, Iterator
from itertools import islice

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import FileRow
from backhaul.storage.destination import Destination
from backhaul.types import HERE, SlotState

_AT_ONCE = 500  # files
_COMPARED = frozenset({*HERE, SlotState.UNKNOWN})  # the latter: entered by a rebuild


class Compared:
    """How many files were found to be as published."""

    def __init__(self) -> None:
        self.compared = 0


def differing(
    ledger: Ledger, store: Destination, rows: Iterable[FileRow], found: Compared
) -> Iterator[FileRow]:
    """Yields the files that must be read or are missing; counts the others.

    An object counts as unchanged if it still has the size and ETag that it had when it was published. If
    its ETag is unknown (after a rebuild), its sha256 metadata is requested instead.

    Raises StoreError, LedgerError.
    """
    rest = iter(rows)
    while some := list(islice(rest, _AT_ONCE)):
        etags = ledger.files.etags([row.id for row in some])
        for row in some:
            if row.state in _COMPARED and _is_same(store, row, etags.get(row.id)):
                found.compared += 1
            else:
                yield row


def _is_same(store: Destination, row: FileRow, etag: str | None) -> bool:
    if row.size is None or store.size(row.name) != row.size:
        return False
    if etag is not None:
        return store.etag(row.name) == etag
    return row.sha256 is not None and store.holds(row.name, row.sha256)

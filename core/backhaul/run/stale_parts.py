"""Removes parts of files that are already present, left by a crash or a copy."""

from collections.abc import Iterable, Iterator
from itertools import islice

from backhaul import names
from backhaul.ledger.ledger import Ledger
from backhaul.run.decide import is_being_replaced
from backhaul.storage.job import JobStorage
from backhaul.types import HERE

_BATCH = 500


def remove_stale_parts(
    ledger: Ledger, job: int, storage: JobStorage, parts: Iterable[str]
) -> list[str]:
    """Removes the parts of files that are verified and on disk; returns the names of these files.

    All other parts stay: they may be resumed. The caller must hold the job's lock. Raises OSError,
    LedgerError.

    Args:
        ledger: the destination's ledger.
        job: the job's id in the ledger.
        storage: the job's storage.
        parts: names of files that have a part, or a sidecar without one.
    """
    cleared = []
    for batch in _batches(parts):
        for row in ledger.files.known(job, [names.key(name) for name in batch]).values():
            if (
                row.name in batch
                and row.state in HERE
                and not is_being_replaced(row)
                and storage.destination.size(row.name) == row.size
            ):
                storage.workspace.drop_part(row.name)
                cleared.append(row.name)
    return cleared


def _batches(parts: Iterable[str]) -> Iterator[set[str]]:
    rest = iter(parts)
    while batch := set(islice(rest, _BATCH)):
        yield batch

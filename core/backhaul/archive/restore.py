"""Compares the rows of a damaged ledger with the files on disk."""

import logging
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import VOLUME, FileRow
from backhaul.ledger.salvage import Salvage
from backhaul.oserrors import StoppedError, StoreError
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_job, looked_at
from backhaul.storage.location import Location
from backhaul.types import HERE, SlotState
from backhaul.verify.fault import LOST
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul.config import Config

log = logging.getLogger(__name__)
_BATCH: Final = 256
_SHOWN: Final = 20


def restore(ledger: Ledger, old: Path, config: "Config") -> frozenset[str]:
    """Copies the readable rows of a damaged ledger that agree with the disk; logs the others.

    Args:
        ledger: the new ledger.
        old: the damaged one.
        config: the destination's jobs; those of other configurations are kept too.

    Returns:
        Names of the jobs whose queue positions, slots and totals were recovered.

    Raises:
        OSError: a folder cannot be read.
    """
    salvage = Salvage(old)
    dest = config.dest
    jobs = {number: row.name for number, row in salvage.jobs.items()}
    jobs |= _recognised(salvage, dest, set(config.jobs) - set(jobs.values()))
    numbers = {number: ledger.jobs.restore(row) for number, row in salvage.jobs.items()}
    for number, name in jobs.items():
        if number not in numbers:
            source = config.jobs[name].source
            numbers[number] = ledger.jobs.open(name, source=source.name, provider=source.provider)
    for (number, name), position in salvage.places.items():
        if number in numbers:
            ledger.streams.save(numbers[number], name, position)
    kept = dropped = 0
    with ExitStack() as held:
        folders = {number: _folder(dest, name, held) for number, name in jobs.items()}
        for place, (number, row) in enumerate(salvage.files()):
            found = _agreed(row, folders[number]) if number in jobs else None
            if found is not None:
                ledger.files.restore(numbers[number], [found])
                kept += 1
            else:
                dropped += 1
                if dropped <= _SHOWN:
                    log.warning("%s: differs from the old ledger; its row is dropped", row.name)
            if place % _BATCH == 0:
                ledger.commit()
    ledger.commit()
    log.warning(
        "kept %s of the old ledger; dropped %s that differ from the disk; %s unreadable",
        count(kept, "row"), count(dropped, "row"), count(salvage.lost, "row"),
    )  # fmt: skip
    drained = {number for number, _ in salvage.places}
    return frozenset(jobs[number] for number in salvage.jobs.keys() | (drained & jobs.keys()))


def _folder(dest: Location, job: str, held: ExitStack) -> Destination | None:
    folder = find_job(dest, job)
    if folder is not None:
        held.callback(folder.close)
    return folder


def _recognised(salvage: Salvage, dest: Location, names: set[str]) -> dict[int, str]:
    """Identifies jobs with unreadable rows by the files in their folders."""
    found: dict[int, str] = {}
    for number, sample in salvage.samples.items():
        if number in salvage.jobs:
            continue
        for name in sorted(names - set(found.values())):
            with looked_at(dest, name) as folder:
                if folder is not None and _has_any(folder, sample):
                    found[number] = name
                    break
    return found


def _has_any(folder: Destination, sample: Iterable[tuple[str, int]]) -> bool:
    for name, size in sample:
        with suppress(OSError, ValueError):  # the row may be damaged
            if folder.size(name) == size:
                return True
    return False


def _agreed(row: FileRow, folder: Destination | None) -> FileRow | None:
    """The row to keep; None if the disk has a different file."""
    if row.state not in HERE:
        return row
    size = folder.size(row.name) if folder is not None else None
    if folder is None or size is None:
        return _absent(row)
    try:
        return row if size == row.size and folder.holds(row.name, row.sha256) else None
    except (StoreError, StoppedError):
        raise
    except OSError:
        return None


def _absent(row: FileRow) -> FileRow:
    bare = row._replace(size=None, records=None, fetched=None)
    if row.flags & VOLUME:
        return bare._replace(state=SlotState.LOST, kind=LOST.kind.value, message=LOST.message)
    return bare._replace(state=SlotState.PENDING, kind=None, message=None, sha256=None, proof=None)

"""A job that was given another name in the YAML, found by what it stands for.

The folder is not moved for it: other programs may read it by its name. Once it was moved, the
ledger follows, so that nothing is fetched again and a queue is drained on from where it was.
"""

import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from backhaul import names
from backhaul.archive.fingerprint import Fingerprint
from backhaul.errors import ConfigError
from backhaul.ledger.lease import Lease
from backhaul.storage.destination import Destination
from backhaul.storage.job import looked_at, place_of
from backhaul.types import HERE, RemoteFile

if TYPE_CHECKING:
    from backhaul.ledger.ledger import Ledger
    from backhaul.ledger.rows import JobRow
    from backhaul.run.job import TaskSpec

_LOOK = 16  # files by which a folder is recognised


def way_on(
    ledger: "Ledger", spec: "TaskSpec", now: Fingerprint, batch: Sequence[RemoteFile]
) -> str | None:
    """What to do about files that are here under the job's old name; None when there are none.

    Where the service has another address now, it may be another one, and that is only a warning.

    Raises:
        ConfigError: they are surely the same; a queue's are in any case: it gives nothing twice.

    Args:
        ledger: of the destination.
        spec: a job of which the ledger knows no file.
        now: its fingerprint.
        batch: the first files that the provider lists.
    """
    for row in _same_jobs(ledger, spec, now):
        if _has_some(ledger, row, spec.dest, batch):
            folder = place_of(spec.dest, row.name)
            new = place_of(spec.dest, spec.name)
            way = (
                f"the job {row.name}, which the configuration no longer has, is the same archive, and"
                f" its files are in {folder}: to keep them under the new name, remove {new} if it"
                f" exists, run `mv {shlex.quote(folder)} {shlex.quote(new)}`, and run again"
            )
            is_queue = any(file.split is not None for file in batch)
            if is_queue or not now.moved(Fingerprint.kept(row)):
                raise ConfigError(way)
            return way
    return None


def old_name(ledger: "Ledger", spec: "TaskSpec", now: Fingerprint) -> "JobRow | None":
    """What the ledger has of the job under its old name, if that job's folder became this one."""
    with looked_at(spec.dest, spec.name) as found:
        if found is None:
            return None
        for row in _same_jobs(ledger, spec, now):
            with looked_at(spec.dest, row.name) as old:
                if old is None and _is_its_folder(ledger, row, found):
                    return row
    return None


def take_up(ledger: "Ledger", spec: "TaskSpec", now: Fingerprint) -> "JobRow | None":
    """Gives the job what the ledger has under its old name; says what that was.

    Raises:
        LockedError: a run under the old name is under way.
    """
    row = old_name(ledger, spec, now)
    if row is not None:
        lease = Lease(spec.dest, row.name)
        try:
            ledger.jobs.rename(row.id, spec.name)
        finally:
            lease.release()
    return row


def _same_jobs(ledger: "Ledger", spec: "TaskSpec", now: Fingerprint) -> "Iterator[JobRow]":
    """Jobs of the same archive that the ledger has files of, and no configuration names."""
    for row in ledger.jobs.others(spec.name):
        same = row.name not in spec.siblings and now.is_same_job(Fingerprint.kept(row))
        if same and ledger.files.has_any(row.id):
            yield row


def _has_some(ledger: "Ledger", row: "JobRow", dest: Path, batch: Sequence[RemoteFile]) -> bool:
    """Whether any of these files is here under the old name."""
    with looked_at(dest, row.name) as old:
        return old is not None and _knows_some(ledger, row, old, batch)


def _knows_some(
    ledger: "Ledger", row: "JobRow", old: Destination, batch: Sequence[RemoteFile]
) -> bool:
    listed = [file for file in batch if names.unsafe(file.name) is None]
    if any(file.split is not None and ledger.streams.get(row.id, file.name) for file in listed):
        return True
    known = ledger.files.known(row.id, [names.key(file.name) for file in listed]) if listed else {}
    return any(each.state in HERE and old.size(each.name) is not None for each in known.values())


def _is_its_folder(ledger: "Ledger", row: "JobRow", folder: Destination) -> bool:
    here = (each for each in ledger.inventory.files(row.id) if each.state in HERE)
    return any(folder.size(each.name) == each.size for each in islice(here, _LOOK))

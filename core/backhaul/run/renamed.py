"""Detects a job that was renamed in the YAML.

Its folder is not moved automatically: other programs may read it by name. Once the user has moved it,
the ledger follows: nothing is fetched again, and a queue continues where it was.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from backhaul import names
from backhaul.archive.fingerprint import Fingerprint
from backhaul.errors import ConfigError
from backhaul.storage.destination import Destination
from backhaul.storage.job import how_to_move, looked_at, take_lease, url_of
from backhaul.storage.location import Location
from backhaul.types import HERE, RemoteFile

if TYPE_CHECKING:
    from backhaul.config import JobSpec
    from backhaul.ledger.ledger import Ledger
    from backhaul.ledger.rows import JobRow

_LOOK = 16  # files used to recognize a folder


def rename_advice(
    ledger: "Ledger", spec: "JobSpec", now: Fingerprint, batch: Sequence[RemoteFile]
) -> str | None:
    """What to do about files present under the job's old name; None if there are none.

    If the service's address has changed too, it may be another service, and this is only a warning.

    Raises:
        ConfigError: they are certainly the same, or a queue's, which returns nothing twice.

    Args:
        ledger: the destination's ledger.
        spec: a job without files in the ledger.
        now: its fingerprint.
        batch: the first listed files.
    """
    for row in _same_jobs(ledger, spec, now):
        if _has_some(ledger, row, spec.dest, batch):
            folder = url_of(spec.dest, row.name)
            way = (
                f"job {row.name}, which is no longer configured, is the same archive, and its"
                f" files are in {folder}: to keep them under the new name,"
                f" {how_to_move(spec.dest, row.name, spec.name)}, and run again"
            )
            is_queue = any(file.split is not None for file in batch)
            if is_queue or not now.moved(Fingerprint.kept(row)):
                raise ConfigError(way)
            return way
    return None


def old_name(ledger: "Ledger", spec: "JobSpec", now: Fingerprint) -> "JobRow | None":
    """The job's row under its old name, if that job's folder was renamed to this job's."""
    with looked_at(spec.dest, spec.name) as found:
        if found is None:
            return None
        for row in _same_jobs(ledger, spec, now):
            with looked_at(spec.dest, row.name) as old:
                gone = old is None or (old.is_remote and old.was_empty)
                if gone and _is_its_folder(ledger, row, found):
                    return row
    return None


def take_up(ledger: "Ledger", spec: "JobSpec", now: Fingerprint) -> "JobRow | None":
    """Transfers the ledger's rows under the job's old name to it; returns the old row.

    Raises:
        LockedError: a run under the old name is active.
    """
    row = old_name(ledger, spec, now)
    if row is not None:
        lease = take_lease(spec.dest, row.name)
        try:
            ledger.jobs.rename(row.id, spec.name)
        finally:
            lease.release()
    return row


def _same_jobs(ledger: "Ledger", spec: "JobSpec", now: Fingerprint) -> "Iterator[JobRow]":
    """Unconfigured jobs of the same archive that have files in the ledger."""
    for row in ledger.jobs.others(spec.name):
        same = row.name not in spec.siblings and now.is_same_job(Fingerprint.kept(row))
        if same and ledger.files.has_any(row.id):
            yield row


def _has_some(ledger: "Ledger", row: "JobRow", dest: Location, batch: Sequence[RemoteFile]) -> bool:
    """Whether any of these files is present under the old name."""
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

"""A snapshot of a job's rows next to an archive in a store, so that another machine can take over the job.

It is written only while the job is locked in the store. A snapshot that this workspace has neither written
nor read is therefore newer than its own rows, and replaces them.
"""

import gzip
import hashlib
import logging
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

from backhaul.errors import DiskError, LockedError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.fault import LedgerError, NewerLedgerError
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.transplant import transplant
from backhaul.oserrors import StoppedError, StoreError, describe
from backhaul.storage import opening
from backhaul.storage.atomic import write_whole
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_state
from backhaul.storage.lease import Lease
from backhaul.storage.location import Location
from backhaul.storage.place import make_folder

log = logging.getLogger(__name__)
_FACT: Final = "snapshot"  # of a job: the digest of the snapshot with its present rows
# In the workspace: the digests of each job's that it has written or read.
_KNOWN: Final = "snapshots"
_BLOCK: Final = 1 << 20
_LEVEL: Final = 3
_one: Final = Lock()  # jobs of one workspace write to one ledger


def name_of(job: str) -> str:
    """The name of a job's snapshot, below the archive's ``.backhaul``."""
    return f"ledgers/{job}.sqlite.gz"


def take_over(dest: Location, job: str) -> str | None:
    """Gets a job's rows from its snapshot next to an archive in a store, if another workspace wrote it.

    The job must be locked. Returns the digest of the snapshot; None if there is none.

    Raises:
        NewerLedgerError: the snapshot was written by a newer backhaul.
        LedgerError: it, or the ledger, is damaged.
        StoreError: the store cannot be read.
        DiskError: the workspace cannot be written.
        StoppedError: stopped before the store responded.
    """
    state = find_state(dest)
    if state is None:
        return None
    path = ledger_path(dest.workspace)
    place = dest.workspace / "taking-over" / job
    try:
        with closing(state):
            digest = state.digest(name_of(job))
            if digest is None or (path.exists() and digest in _known(dest, job)):
                return digest
            url = f"{state.url}/{name_of(job)}"
            _warn_of_snapshot(dest, job, url)
            shutil.rmtree(place, ignore_errors=True)
            make_folder(place, mode=0o700)
            packed = place / "packed"
            write_whole(packed, _stored(state, name_of(job)))
        write_whole(ledger_path(place), _unpacked(packed, url))
        _look_at(place, url)
        with _one:
            Ledger(dest.workspace).close()
            transplant(job, source=place, target=dest.workspace)
            with Ledger(dest.workspace) as ledger:
                remember(ledger, job, digest)
        _know(dest, job, [digest])
    except (StoreError, StoppedError):
        raise
    except OSError as error:
        raise DiskError(f"{error.filename or path}: {describe(error, path)}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return digest


def look_for_newer(dest: Location, job: str) -> None:
    """Gets a job's rows for inspection if another workspace has run it since; only reads the store.

    Does nothing while this workspace runs the job. Raises the same as ``take_over``.
    """
    state = find_state(dest)
    if state is None:
        return
    with closing(state):
        digest = state.digest(name_of(job))
    if digest is None or (ledger_path(dest.workspace).exists() and digest in _known(dest, job)):
        return
    try:
        lease = Lease(dest.workspace, job)
    except LockedError:
        return
    try:
        take_over(dest, job)
    finally:
        lease.release()


def is_saved(ledger: Ledger, job: str, digest: str | None) -> bool:
    """Whether the snapshot with this digest has the job's present rows."""
    row = ledger.jobs.get(job)
    return digest is not None and row is not None and ledger.facts.get(row.id, _FACT) == digest


def remember(ledger: Ledger, job: str, digest: str) -> None:
    """Records that the snapshot with this digest has the job's present rows."""
    row = ledger.jobs.get(job)
    if row is not None:
        ledger.facts.keep(row.id, _FACT, digest)


def _warn_of_snapshot(dest: Location, job: str, url: str) -> None:
    path = ledger_path(dest.workspace)
    what = f"no ledger in {dest.workspace}"
    if path.exists():
        with Ledger(dest.workspace, readonly=True) as ledger:
            found = ledger.jobs.get(job) is not None
        what = "another workspace has run it since" if found else f"{path} does not have it"
    log.warning("%s: %s; continuing with the snapshot %s", job, what, url)


def save(dest: Location, job: str) -> str | None:
    """Stores a snapshot of a job's rows next to an archive in a store; returns its digest for ``remember``.

    The job must be locked, and its changes committed. None for a folder.

    Raises StoreError, LedgerError, LockedError, DiskError, OSError.
    """
    state = find_state(dest)
    if state is None:
        return None
    place = dest.workspace / _KNOWN / f"{job}.new"
    try:
        with closing(state):
            shutil.rmtree(place, ignore_errors=True)
            make_folder(place, mode=0o700)
            Ledger(place).close()
            transplant(job, source=dest.workspace, target=place)
            packed = place / "packed"
            write_whole(packed, _packed(ledger_path(place)), durable=False)
            digest = _digest(packed)
            # Both: a kill may come before or after it is stored.
            _know(dest, job, [*_known(dest, job), digest])
            with state.document(name_of(job)) as document:
                for block in _read(packed):
                    document.write(block)
                document.commit()
            _know(dest, job, [digest])
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return digest


def _look_at(place: Path, url: str) -> None:
    """Opens the ledger, which upgrades an older one."""
    try:
        with Ledger(place) as ledger:
            ledger.inspect()
    except NewerLedgerError as error:
        raise NewerLedgerError(error.message.replace(str(ledger_path(place)), url)) from None
    except LedgerError:
        raise _damaged(url) from None


def _damaged(url: str) -> LedgerError:
    return LedgerError(f"{url} is damaged: delete it, then run `backhaul verify --rebuild`")


def _known(dest: Location, job: str) -> list[str]:
    """The digests of snapshots that this workspace has written or read. Raises OSError."""
    try:
        return b"".join(_read(dest.workspace / _KNOWN / job)).decode("ascii", "replace").split()
    except FileNotFoundError:
        return []


def _know(dest: Location, job: str, digests: Sequence[str]) -> None:
    make_folder(dest.workspace / _KNOWN, mode=0o700)
    write_whole(dest.workspace / _KNOWN / job, (f"{each}\n".encode() for each in digests))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for block in _read(path):
        digest.update(block)
    return digest.hexdigest()


def _stored(state: Destination, name: str) -> Iterator[bytes]:
    with state.open(name) as file:
        while block := file.read(_BLOCK):
            yield block


def _unpacked(packed: Path, url: str) -> Iterator[bytes]:
    try:
        with _opened(packed) as stored, gzip.GzipFile(fileobj=stored) as file:
            while block := file.read(_BLOCK):
                yield block
    except (zlib.error, EOFError, gzip.BadGzipFile):
        raise _damaged(url) from None


def _read(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        while block := file.read(_BLOCK):
            yield block


def _packed(path: Path) -> Iterator[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=31)
    for block in _read(path):
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(opening.open_to_read(path), "rb")

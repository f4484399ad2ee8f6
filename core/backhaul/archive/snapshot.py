"""A snapshot of the ledger beside an archive in a store, so that another machine can take over.

A workspace replaces only a snapshot that it has written or read: another one may tell of files that this
ledger does not know.
"""

import gzip
import hashlib
import json
import logging
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from backhaul.durable import make_folder, sync_folder
from backhaul.errors import DiskError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.fault import LedgerError, NewerLedgerError
from backhaul.ledger.ledger import Ledger
from backhaul.oserrors import StoreError, describe
from backhaul.storage import opening
from backhaul.storage.atomic import write_whole
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_state
from backhaul.storage.location import Location

log = logging.getLogger(__name__)
NAME: Final = "ledger.sqlite.gz"
_FACT: Final = "snapshot"
_KNOWN: Final = "snapshot.sha256"  # in the workspace: the digests of snapshots that it may replace
_BLOCK: Final = 1 << 20
_LEVEL: Final = 3


def take_over(dest: Location) -> None:
    """If a store's workspace has no ledger, gets it from the snapshot beside the archive.

    Raises:
        NewerLedgerError: the snapshot was written by a newer backhaul.
        LedgerError: it is damaged.
        StoreError: the store cannot be read.
        DiskError: the workspace cannot be written.
    """
    path = ledger_path(dest.workspace)
    state = None if path.exists() else find_state(dest)
    if state is None:
        return
    place = dest.workspace / "taking-over"
    try:
        with closing(state):
            if state.size(NAME) is None:
                return
            log.warning(
                "%s: no ledger in %s; continuing with the snapshot %s/%s",
                dest, dest.workspace, state.url, NAME,
            )  # fmt: skip
            shutil.rmtree(place, ignore_errors=True)
            make_folder(place, mode=0o700)
            packed = place / NAME
            write_whole(packed, _stored(state))
            write_whole(ledger_path(place), _blocks(packed, f"{state.url}/{NAME}"))
            _look_at(place, f"{state.url}/{NAME}")
        if not path.exists():
            _know(dest, [_digest(packed)])
            opening.replace(ledger_path(place), path)
            sync_folder(dest.workspace)
    except StoreError:
        raise
    except OSError as error:
        raise DiskError(f"{error.filename or path}: {describe(error, path)}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def save(dest: Location, ledger: Ledger) -> None:
    """Puts a snapshot of the ledger beside an archive in a store, if a file's row has changed.

    Where another workspace's snapshot is in the way, there is only a warning.

    Raises StoreError, LedgerError, OSError.
    """
    state = find_state(dest)
    if state is None:
        return
    with closing(state):
        jobs = list(ledger.jobs.all())
        seen = json.dumps(state.stamp(NAME))
        if all(ledger.facts.get(job.id, _FACT) == seen for job in jobs):
            return
        there = state.size(NAME) is not None
        known = [each for each in _known(dest) if there and state.holds(NAME, each)]
        if there and not known:
            log.warning(
                "%s: this ledger is not saved there, because %s/%s was written by another workspace:"
                " give each machine a dest of its own; if no other machine uses this one, delete that"
                " object and run again",
                dest, state.url, NAME,
            )  # fmt: skip
            return
        copy, packed = dest.workspace / "ledger.snapshot", dest.workspace / NAME
        try:
            ledger.backup(copy)
            write_whole(packed, _packed(copy), durable=False)
            digest = _digest(packed)
            _know(dest, [*known, digest])  # both: a kill may come before or after it is stored
            with state.document(NAME) as document:
                for block in _read(packed):
                    document.write(block)
                document.commit()
            _know(dest, [digest])
        finally:
            opening.remove(copy)
            opening.remove(packed)
        for job in jobs:
            ledger.facts.keep(job.id, _FACT, json.dumps(state.stamp(NAME)))
        ledger.commit()


def _look_at(place: Path, url: str) -> None:
    """Opens the ledger, which upgrades an older one."""
    try:
        with Ledger(place) as ledger:
            ledger.inspect()
    except NewerLedgerError as error:
        raise NewerLedgerError(error.message.replace(str(ledger_path(place)), url)) from None
    except LedgerError:
        raise LedgerError(
            f"{url} is damaged: delete it, then run `backhaul verify --rebuild`"
        ) from None


def _known(dest: Location) -> list[str]:
    """The digests of snapshots that this workspace has written or read. Raises OSError."""
    try:
        return b"".join(_read(dest.workspace / _KNOWN)).decode("ascii", "replace").split()
    except FileNotFoundError:
        return []


def _know(dest: Location, digests: Sequence[str]) -> None:
    write_whole(dest.workspace / _KNOWN, (f"{each}\n".encode() for each in digests))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for block in _read(path):
        digest.update(block)
    return digest.hexdigest()


def _stored(state: Destination) -> Iterator[bytes]:
    with state.open(NAME) as file:
        while block := file.read(_BLOCK):
            yield block


def _blocks(packed: Path, url: str) -> Iterator[bytes]:
    try:
        with _opened(packed) as stored, gzip.GzipFile(fileobj=stored) as file:
            while block := file.read(_BLOCK):
                yield block
    except (zlib.error, EOFError, gzip.BadGzipFile):
        raise LedgerError(
            f"{url} is damaged: delete it, then run `backhaul verify --rebuild`"
        ) from None


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

"""A snapshot of the ledger beside an archive in a store, so that another machine can take over."""

import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

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
            write_whole(ledger_path(place), _blocks(state))
            _look_at(place, f"{state.url}/{NAME}")
        if not path.exists():
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
        copy = dest.workspace / "ledger.snapshot"
        try:
            ledger.backup(copy)
            with state.document(NAME) as document:
                for block in _packed(copy):
                    document.write(block)
                document.commit()
        finally:
            opening.remove(copy)
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


def _blocks(state: Destination) -> Iterator[bytes]:
    try:
        with state.open(NAME) as stored, gzip.GzipFile(fileobj=stored) as file:
            while block := file.read(_BLOCK):
                yield block
    except (zlib.error, EOFError, gzip.BadGzipFile):
        raise LedgerError(
            f"{state.url}/{NAME} is damaged: delete it, then run `backhaul verify --rebuild`"
        ) from None


def _packed(path: Path) -> Iterator[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=31)
    fd = opening.open_to_read(path)
    with open(fd, "rb", 0) as file:  # noqa: PTH123 - a descriptor
        while block := file.read(_BLOCK):
            if packed := packer.compress(block):
                yield packed
    yield packer.flush()

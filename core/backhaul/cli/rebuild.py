"""A ledger that is damaged or gone, made anew from the files on disk."""

import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backhaul import names
from backhaul.cli.checking import Check
from backhaul.errors import DiskError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.lease import Lease
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import REBUILT
from backhaul.ledger.schema import VERSION
from backhaul.names import key
from backhaul.oserrors import describe
from backhaul.run.adopt import verify_file
from backhaul.run.standing import standing
from backhaul.storage.folder import JobFolder
from backhaul.types import Content, RemoteFile, SlotState
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec
    from backhaul.plugins.discovery import Plugins

log = logging.getLogger(__name__)
_BATCH: Final = 256
_UNKNOWN: Final = (
    "its slots, totals and times are not in the files: the next run asks the provider for them,"
    " and nothing is called complete before"
)
_DRAINED: Final = (
    "{} look like pieces of a queue, and how far it was drained is not known any more: the next run"
    " fetches nothing of it, so that nothing comes twice, and calls it complete only if the pieces"
    " hold as many records as the provider counts"
)
# What a file holds, by the end of its name; the first that fits.
_CONTENTS: Final = (
    (".gz", "jsonl.gz"),
    (".jsonl", "jsonl"),
    (".ndjson", "jsonl"),
    (".json", "json"),
    (".xml", "xml"),
)
_PIECE: Final = re.compile(r"-\d{5,}\.jsonl")  # as run.streams.piece_name has it


def rebuild(config: "Config", plugins: "Plugins") -> None:
    """Makes the ledger anew when it cannot be read or is gone; leaves a sound one alone.

    A damaged one is moved aside to ``ledger.sqlite.damaged-<time>``. Files that do not verify are
    left to the next run. Slots, totals and how far queues were drained are in no file: that is said,
    and the next run does as ``run.takeover`` has it.

    Raises:
        LockedError: a run holds one of the jobs.
        LedgerError: the ledger was written by a newer backhaul.
        DiskError: the folder cannot be written.
    """
    dest = config.settings.dest
    path = ledger_path(dest)
    with ExitStack() as held:
        for name in config.jobs:
            held.callback(Lease(dest, name).release)
        damage = _damage(path)
        if damage is None:
            log.warning("%s is sound: nothing to rebuild", path)
            return
        if path.exists():
            log.warning("%s is damaged (%s); it is kept as %s", path, damage, _move_aside(path))
        limits = Limits(
            max_ratio=float(config.settings.max_inflate_ratio),
            max_size=config.settings.max_inflated_size,
        )
        with Ledger(dest) as ledger:
            for job in config.jobs.values():
                _enter(ledger, job, dest / job.name, Check(job, plugins), limits)


def _damage(path: Path) -> str | None:
    """What is wrong with the ledger's file; None when it is sound, or newer than this program."""
    if not path.exists():
        return "gone"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                return None
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
            return None if said == "ok" else str(said)
    except sqlite3.OperationalError as error:
        raise DiskError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        return str(error)


def _move_aside(path: Path) -> str:
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    try:
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise DiskError(f"{path}: {describe(error, path)}") from None
    return kept.name


def _enter(ledger: Ledger, job: "JobSpec", path: Path, check: Check, limits: Limits) -> None:
    number = ledger.jobs.open(job.name, source=job.source.name, provider=job.source.provider)
    if not path.is_dir():
        ledger.commit()
        return
    entered = skipped = pieces = 0
    folder = JobFolder(path)
    try:
        for name in _names(path):
            found = _look(folder, name, check, limits)
            if found is None:
                skipped += 1
                continue
            file, content = found
            ledger.files.add(number, [file], flags=REBUILT)
            _, message = standing(file, content)
            ledger.files.save_done(
                [
                    (
                        SlotState.UNKNOWN, content.size, content.sha256, content.records, None, None,
                        message, int(time.time()), content.proof.value, number, key(name),
                    )
                ]
            )  # fmt: skip
            entered += 1
            pieces += _PIECE.search(name) is not None
            if entered % _BATCH == 0:
                ledger.commit()
    finally:
        folder.close()
    ledger.commit()
    log.warning("%s: %d files entered anew%s", job.name, entered, f", {skipped} left out" * bool(skipped))  # fmt: skip
    if entered:
        log.warning("%s: %s", job.name, _UNKNOWN)
    if pieces:
        log.warning("%s: %s", job.name, _DRAINED.format(count(pieces, "file")))


def _names(path: Path) -> Iterator[str]:
    """Files below a folder that may be a provider's: parts and files of ours are none."""
    for folder, folders, files in os.walk(path):
        folders.sort()
        below = Path(folder).relative_to(path)
        for file in sorted(files):
            name = (below / file).as_posix()
            if names.unsafe(name) is None:
                yield name


def _look(
    folder: JobFolder, name: str, check: Check, limits: Limits
) -> tuple[RemoteFile, Content] | None:
    """The file and its content; None when it does not verify."""
    kind = next((kind for end, kind in _CONTENTS if name.lower().endswith(end)), "bytes")
    file = RemoteFile(name, content=kind)
    try:
        # The ledger alone knew whether a piece of a queue came damaged: look at its lines.
        content = verify_file(folder, name, file, limits, doubtful=bool(_PIECE.search(name)))
    except (VerifyFault, OSError) as fault:
        log.warning("%s: %s; left to the next run", name, fault)
        return None
    if content.records and check.counts_footer(file, content):
        file = replace(file, footer_lines=1)
        content = replace(content, records=content.records - 1)
    problem = check.of(file, content)
    if problem is not None:
        log.warning("%s: %s; left to the next run", name, problem.message)
        return None
    return file, content

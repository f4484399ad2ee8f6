"""Rebuilds a damaged or missing ledger from its readable rows and from the files on disk."""

import logging
import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backhaul import names
from backhaul.archive.kept import from_metadata, suspects
from backhaul.archive.reading import verify_file
from backhaul.archive.restore import restore
from backhaul.archive.snapshot import take_over
from backhaul.archive.verify import Check
from backhaul.errors import DiskError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.fault import LedgerError, NewerLedgerError
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import REBUILT
from backhaul.names import key
from backhaul.oserrors import StoppedError, StoreError, describe
from backhaul.stopping import Stopped, never
from backhaul.storage import opening
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_job, take_lease
from backhaul.storage.location import Location
from backhaul.storage.place import sync_folder
from backhaul.storage.workspace import leased
from backhaul.types import CONTENTS, PACKINGS, Content, RemoteFile, SlotState
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.evidence import standing
from backhaul.verify.fault import VerifyFault
from backhaul.wording import count

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec
    from backhaul.plugins.discovery import Plugins

log = logging.getLogger(__name__)
_File = tuple[RemoteFile, Content]
_BATCH: Final = 256
_ASIDE: Final = ".damaged-"
_UNKNOWN: Final = (
    "its slots, totals and times are not stored in the files: the next run gets them from the provider,"
    " and until then nothing counts as complete"
)
_DRAINED: Final = (
    "{} look like volumes of a queue whose position is no longer known: the next run fetches"
    " nothing more of it, to avoid duplicates, and calls it complete only if the volumes"
    " hold as many records as the provider reports"
)
# The content of a file by its suffix; the first match wins.
_CONTENTS: Final = (
    *(
        (f".{form}.{packing}", f"{form}.{packing}")
        for form in ("csv", "tar", "jsonl")
        for packing in PACKINGS
        if f"{form}.{packing}" in CONTENTS
    ),
    (".tgz", "tar.gz"),
    (".gz", "jsonl.gz"),
    *((f".{form}", form) for form in ("zst", "bz2", "xz", "zip", "tar", "parquet", "csv")),
    (".jsonl", "jsonl"),
    (".ndjson", "jsonl"),
    (".json", "json"),
    (".xml", "xml"),
)
_PIECE: Final = re.compile(r"-\d{5,}\.jsonl")  # see run.chunked_files.volume_name


def rebuild(
    config: "Config", plugins: "Plugins", stopped: Stopped = never, *, deep: bool = False
) -> None:
    """Rebuilds the ledger if it is damaged or missing; leaves a sound one alone.

    Objects of a store are read only if ``deep``, or if their metadata does not suffice.

    A damaged ledger is moved to ``ledger.sqlite.damaged-<time>``. Each readable row that agrees with the
    disk is kept; other files on disk are added if they verify, or left to the next run. The new ledger
    gets its name once it is complete.

    Raises:
        InterruptedRunError: it was stopped; the next rebuild starts again.
        LockedError: a run holds one of the destination's jobs, or another program the ledger.
        LedgerError: the ledger was written by a newer backhaul.
        DiskError: the folder cannot be read or written.
    """
    dest = config.dest
    path = ledger_path(dest.workspace)
    limits = ContentLimits.of(config.settings)
    with ExitStack() as held:
        for name in _leases(dest, config):
            held.callback(take_lease(dest, name).release)
        try:
            for name in config.jobs:
                take_over(dest, name)
            opening.refuse_others(path)
            damage = _damage(dest.workspace)
            if damage is None:
                log.warning("%s is not damaged: nothing to rebuild", path)
                return
            old = _move_aside(path) if path.exists() else _last_kept(path)
            if old is not None and damage:
                log.warning("%s; the damaged ledger is kept as %s", damage, old.name)
            _make(config, plugins, old, limits, stopped=stopped, deep=deep)
        except (StoreError, StoppedError):
            raise
        except OSError as error:
            raise DiskError(f"{error.filename or path}: {describe(error, path)}") from None


def _leases(dest: Location, config: "Config") -> set[str]:
    """Jobs that a run may be working on, including those of other YAML files."""
    return {*config.jobs, *leased(dest.workspace)}


def _damage(workspace: Path) -> str | None:
    """What is wrong with the ledger; '' if it is missing, None if it is sound."""
    if not ledger_path(workspace).exists():
        return ""
    ledger = None
    try:
        ledger = Ledger(workspace)
        ledger.check_all()
    except NewerLedgerError:
        raise
    except LedgerError as error:
        return error.message.partition(": run `")[0]
    finally:
        if ledger is not None:
            ledger.abandon()
    return None


def _move_aside(path: Path) -> Path:
    kept = path.with_name(f"{path.name}{_ASIDE}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


def _last_kept(path: Path) -> Path | None:
    """The last damaged ledger that was moved aside, in case a rebuild was interrupted."""
    found = (each for each in path.parent.glob(f"{path.name}{_ASIDE}*") if each.name[-1] == "Z")
    return max(found, default=None, key=lambda each: each.name)


def _make(
    config: "Config",
    plugins: "Plugins",
    old: Path | None,
    limits: ContentLimits,
    *,
    stopped: Stopped,
    deep: bool,
) -> None:
    dest = config.dest
    place = dest.workspace / "rebuilding"
    shutil.rmtree(place, ignore_errors=True)
    with Ledger(place) as ledger:
        restored = restore(ledger, old, config) if old is not None else frozenset()
        for job in config.jobs.values():
            known = job.name in restored
            look = partial(_look, check=Check(job, plugins), limits=limits, stopped=stopped)
            _enter(ledger, job, dest, look, known=known, deep=deep)
    opening.replace(ledger_path(place), ledger_path(dest.workspace))
    sync_folder(dest.workspace)
    shutil.rmtree(place, ignore_errors=True)


def _enter(
    ledger: Ledger,
    job: "JobSpec",
    dest: Location,
    look: "Callable[[Destination, str], _File | None]",
    *,
    known: bool,
    deep: bool,
) -> None:
    """Adds files of a job's folder that have no row."""
    number = ledger.jobs.open(job.name, source=job.source.name, provider=job.source.provider)
    folder = find_job(dest, job.name)
    if folder is None:
        ledger.commit()
        return
    entered = skipped = volumes = 0
    with closing(folder):
        doubted = {} if deep else suspects(folder)
        # names.unsafe rejects parts and backhaul's own files.
        rest = (each for each in folder.listing() if names.unsafe(each) is None)
        while group := list(islice(rest, _BATCH)):
            group = [each for each in group if ledger.files.get(number, each) is None]
            beside = [None] * len(group) if deep else folder.kept(group)
            for name, stored in zip(group, beside, strict=True):
                found = from_metadata(stored) or look(folder, name)
                if found is None:
                    skipped += 1
                    continue
                _add(ledger, number, *found, message=doubted.get((name, found[1].sha256)))
                entered += 1
                volumes += _PIECE.search(name) is not None
            ledger.files.save_etags(number, group, folder.etag)
            ledger.commit()
    if entered or skipped:
        out = f", {skipped:,} skipped" * bool(skipped)
        log.warning("%s: %s found on disk and added%s", job.name, count(entered, "file"), out)
    if entered and not known:
        log.warning("%s: %s", job.name, _UNKNOWN)
    if volumes and not known:
        log.warning("%s: %s", job.name, _DRAINED.format(count(volumes, "file")))


def _add(
    ledger: Ledger, number: int, file: RemoteFile, content: Content, *, message: str | None
) -> None:
    ledger.files.add(number, [file], flags=REBUILT)
    _, problem = standing(file, content)
    ledger.files.save_done(
        [
            (
                SlotState.UNKNOWN, content.size, content.sha256, content.records, None, None,
                problem or message, int(time.time()), content.proof.value, number, key(file.name),
            )
        ]
    )  # fmt: skip


def _look(
    folder: Destination, name: str, *, check: Check, limits: ContentLimits, stopped: Stopped
) -> _File | None:
    """The file and its content; None if it does not verify."""
    kind = next((kind for end, kind in _CONTENTS if name.lower().endswith(end)), "bytes")
    file = RemoteFile(name, content=kind)
    try:
        # Only the ledger knew whether a volume of a queue arrived damaged: check its lines.
        doubtful = bool(_PIECE.search(name))
        content = verify_file(folder.open, name, file, limits, doubtful=doubtful, stopped=stopped)
    except StoppedError:
        raise
    except (VerifyFault, OSError) as fault:
        why = describe(fault) if isinstance(fault, OSError) else fault
        log.warning("%s: %s; leaving it to the next run", name, why)
        return None
    if content.records and check.counts_footer(file, content):
        file = replace(file, footer_lines=1)
        content = replace(content, records=content.records - 1)
    problem = check.of(file, content)
    if problem is not None:
        log.warning("%s: %s; leaving it to the next run", name, problem.message)
        return None
    return file, content

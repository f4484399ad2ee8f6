"""Reads jobs from the ledger and the disk, without contacting any server."""

import errno
import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from backhaul.archive.coverage import job_ranges, job_slots, job_states
from backhaul.archive.fingerprint import Fingerprint, another_archive
from backhaul.archive.slot_views import SlotView, on_disk_state
from backhaul.errors import DiskError, UnknownJobError
from backhaul.ledger.fault import LedgerError, NewerLedgerError
from backhaul.ledger.inventory import Summary
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.ledger.rows import FileRow, JobRow
from backhaul.mailbox import answer
from backhaul.oserrors import StoreError
from backhaul.storage.destination import Destination
from backhaul.storage.job import find_state, looked_at
from backhaul.storage.location import Location
from backhaul.storage.sizes import no_size
from backhaul.types import SlotState
from backhaul.verify.bounded import ContentLimits

if TYPE_CHECKING:
    from concurrent.futures import Future

    from backhaul.archive.stored import StoredFile
    from backhaul.config import Config, JobSpec
    from backhaul.types import Proof, RemoteFile

log = logging.getLogger(__name__)

AT_ONCE: Final = 8  # jobs of stores
_FRESH: Final = 5.0  # seconds; later, another machine may have run the job since


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job of the YAML and its local state. Its methods read the ledger and the disk; they raise LedgerError, OSError.

    Attributes:
        name, source, provider: as in the YAML.
        config: the configuration file.
        dest: the destination.
        row: the ledger's row; None if the job never ran.
        ledger: the destination's ledger.
        folder: where its files are; None if there are none yet.
    """

    name: str
    source: str
    provider: str
    config: "Config"
    dest: Location
    row: JobRow | None
    ledger: Ledger
    folder: Destination | None

    @property
    def spec(self) -> "JobSpec":
        """The job's configuration."""
        return self.config.jobs[self.name]

    @property
    def limits(self) -> ContentLimits:
        """For reading its files, from the settings."""
        return ContentLimits.of(self.config.settings)

    def count(self) -> int:
        """The number of files in the ledger."""
        return 0 if self.row is None else self.ledger.files.count(self.row.id)

    def files(self) -> Iterator[FileRow]:
        """Its files in the ledger in order of time; those without a period come first."""
        return iter(()) if self.row is None else self.ledger.inventory.files(self.row.id)

    def slots(self) -> Iterator[SlotView]:
        """Its slots with their files, in order of time, then files without a period."""
        return iter(()) if self.row is None else job_slots(self.ledger, self.row, self.folder)

    def ranges(self, *, brief: bool = False) -> Iterator[SlotView]:
        """Like ``slots``, but consecutive slots without files are merged into ranges.

        Args:
            brief: merge consecutive slots with one file each too, if these are verified, or absent for
                the same reason; their files are left out, see ``SlotView.names``.
        """
        views = job_states if brief else job_ranges
        return iter(()) if self.row is None else views(self.ledger, self.row, self.folder)

    def summary(self) -> Summary:
        """Totals over its files."""
        row = self.row
        if row is None:
            return Summary(states={}, data={}, files=0, records=0, bytes=0, all_records=0)
        return self.ledger.inventory.summary(row.id, row.window)

    def state_of(self, file: FileRow) -> tuple[SlotState, str]:
        """The state of a file according to the ledger and the disk, and why it is not present."""
        return on_disk_state(file, no_size if self.folder is None else self.folder.size)

    def proofs(self) -> "list[tuple[Proof, int]]":
        """How many files each set of evidence proves to be whole, in no particular order."""
        return [] if self.row is None else list(self.ledger.inventory.proofs(self.row.id))

    def ahead(self, files: Iterable[FileRow]) -> Iterator[FileRow]:
        """The same files, for reading each before the next is taken: a store fetches them ahead."""
        return iter(files) if self.folder is None else self.folder.ahead(files)

    def path_of(self, file: FileRow) -> Path:
        """Where a file is on this machine; of an object store, a copy."""
        if self.folder is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file.name)
        return self.folder.local_path(file.name)

    def stored(self, file: FileRow) -> "StoredFile":
        """A file, verified while ``read()`` yields each stored block with the records that it completes."""
        from backhaul.archive.stored import DamagedFileError, StoredFile  # noqa: PLC0415 - not all look into files

        if self.folder is None:
            raise DamagedFileError(file.name, "is no longer on disk")
        return StoredFile(self.folder, file, self.limits)

    def lines(self, file: FileRow) -> Iterator[bytes]:
        """Blocks of whole lines: the records of a file of ``LINES``, or those of one of ``ROWS`` as JSON.

        Raises:
            DamagedFileError: it is no longer what the ledger says; discard all of it.
            LineTooLongError: a line is longer than ``max_line_size``.
            UnreadableRowsError: its records cannot be read.
        """
        from backhaul.archive.as_json_lines import blocks  # noqa: PLC0415 - not all look into files
        from backhaul.archive.stored import DamagedFileError  # noqa: PLC0415 - as above

        if self.folder is None:
            raise DamagedFileError(file.name, "is no longer on disk")
        return blocks(self.folder, file, self.limits)

    def proven(self, file: FileRow) -> "tuple[RemoteFile, Path]":
        """A file and its local path, after checking that none of its bytes has changed.

        Raises DamagedFileError if they are not.
        """
        self.stored(file).check()
        return file.remote(), self.path_of(file)


def known_jobs(
    configs: "Sequence[Config]", only: Sequence[str] = (), *, again: bool = False
) -> Iterator[KnownJob]:
    """The jobs in turn, each with its ledger open during the iteration.

    Args:
        configs: the configurations.
        only: names of jobs; empty for all.
        again: they were read a moment ago. Otherwise, the ledgers are checked for damage, and there is a
            warning if a job's files belong to another archive than the YAML names.

    Raises:
        UnknownJobError: a name in ``only`` is not a job.
        LedgerError: a ledger is damaged.
        StoreError: a store cannot be read, and this workspace does not have the job.
    """
    UnknownJobError.check(only, (name for config in configs for name in config.jobs))
    if not again:
        for dest in dict.fromkeys(config.dest for config in configs):
            inspected(dest.workspace, readonly=True).abandon()
    chosen = [
        (config, job)
        for config in configs
        for job in config.jobs.values()
        if not only or job.name in only
    ]
    with _open_stores({config.dest for config, _ in chosen}):
        for config, job, unread in _looked_for_newer(chosen, again=again):
            dest = config.dest
            with (
                looked_at(dest, job.name) as folder,
                Ledger(dest.workspace, readonly=True) as ledger,
            ):
                row = ledger.jobs.get(job.name)
                if row is None and unread is not None:
                    raise unread  # it may well have files there
                if not again and (conflict := conflict_of(job, ledger, row)):
                    log.warning("%s: %s", job.name, conflict)
                yield KnownJob(
                    name=job.name,
                    source=job.source.name,
                    provider=job.source.provider,
                    config=config,
                    dest=dest,
                    row=row,
                    ledger=ledger,
                    folder=folder,
                )


@contextmanager
def _open_stores(dests: Iterable[Location]) -> Iterator[None]:
    """Keeps the connections of stores open from job to job."""
    with ExitStack() as held:
        for dest in dests:
            state = find_state(dest)
            if state is not None:
                held.callback(state.close)
        yield


def _looked_for_newer(
    chosen: "Sequence[tuple[Config, JobSpec]]", *, again: bool
) -> "Iterator[tuple[Config, JobSpec, Exception | None]]":
    """The jobs, once it is known whether other machines have run them; with why one's store cannot be read.

    Several jobs of a store are read at once: one after another, a distant store would take a minute for 500.
    """
    unread: dict[Location, Exception] = {}
    ahead: deque[tuple[Config, JobSpec, Future[tuple[Exception | None, float]] | None]] = deque()
    rest = iter(chosen)
    while True:
        for config, job in islice(rest, AT_ONCE - len(ahead)):
            remote = config.dest.is_remote and not again
            looked = _started(config.dest, job.name, unread) if remote else None
            ahead.append((config, job, looked))
        if not ahead:
            return
        config, job, looked = ahead.popleft()
        error = None
        if looked is not None:
            error, at = looked.result()
            if error is None and time.monotonic() - at > _FRESH:
                error, _ = _look(config.dest, job.name, unread)
        yield config, job, error


def _started(
    dest: Location, job: str, unread: dict[Location, Exception]
) -> "Future[tuple[Exception | None, float]]":
    """Calls ``_look`` in a thread that does not delay the exit."""
    from concurrent.futures import Future  # noqa: PLC0415 - of stores only

    found: Future[tuple[Exception | None, float]] = Future()
    work = (found, _look, dest, job, unread)
    try:
        Thread(target=answer, args=work, name="backhaul-look", daemon=True).start()
    except RuntimeError:  # no more threads available
        answer(found, _look, dest, job, unread)
    return found


def _look(
    dest: Location, job: str, unread: dict[Location, Exception]
) -> tuple[Exception | None, float]:
    """Why a job's store cannot be read, and when that was found out; ``unread``: stores that could not."""
    error = unread.get(dest) or _look_for_newer(dest, job)
    if isinstance(error, StoreError):
        unread[dest] = error  # others need not wait for it too
    return error, time.monotonic()


def _look_for_newer(dest: Location, job: str) -> Exception | None:
    """Reads a job that other machines may have run; returns why its store cannot be read."""
    from backhaul.archive.snapshot import look_for_newer  # noqa: PLC0415 - of stores only

    try:
        look_for_newer(dest, job)
    except NewerLedgerError:
        raise
    except (StoreError, DiskError, LedgerError) as error:
        with Ledger(dest.workspace, readonly=True) as ledger:
            if ledger.jobs.get(job) is not None:
                log.warning("%s: %s; showing the state known to this workspace", job, error)
        return error
    return None


def conflict_of(job: "JobSpec", ledger: Ledger, row: JobRow | None) -> str:
    """The message that the job's files belong to another archive than the YAML now names; '' if they do not."""
    if row is None or not ledger.files.has_any(row.id):
        return ""
    kept = Fingerprint.kept(row)
    source, own = (
        {key: given[key].reveal() for key in known.keys() & given.keys()}
        for given, known in ((job.source.given, kept.source), (job.given, kept.job))
    )
    now = Fingerprint(provider=job.source.provider, source=source, job=own)
    differs = now.differs(kept)
    return another_archive(job.dest, job.name, differs) if differs else ""

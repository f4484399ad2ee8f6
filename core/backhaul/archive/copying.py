"""Copies the jobs of an archive to another destination: a folder or a store. Contacts no provider."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backhaul.archive.compare import Compared, differing
from backhaul.archive.fingerprint import Fingerprint, another_archive
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.archive.manifest.write import write_manifest
from backhaul.archive.snapshot import is_saved, remember, save, take_over
from backhaul.config.destinations import locate
from backhaul.config.settings import Settings
from backhaul.errors import (
    BackhaulError,
    ConfigError,
    DiskError,
    ExitCode,
    FailureKind,
    FailureReport,
    worst,
)
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import FileRow
from backhaul.oserrors import StoppedError, StoreError, describe
from backhaul.stopping import Stopped, each_until, never, raise_if_stopped
from backhaul.storage.destination import Destination, Staged
from backhaul.storage.job import JobStorage, looked_at, open_job, take_lease
from backhaul.storage.location import Location, is_store, parse
from backhaul.storage.sync import read_from_disk
from backhaul.types import HERE, Proof, SlotState
from backhaul.verify.fault import VerifyFault

if TYPE_CHECKING:
    from backhaul.config import Config

_BLOCK: Final = 1 << 20
_ROWS: Final = 256  # files that are published and recorded together
_BYTES: Final = 256 << 20  # maximum bytes of such a group


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCopy:
    """The result of copying a job.

    Attributes:
        job: its name.
        copied: number of files that were copied.
        present: number of files that the destination had before.
        left_out: number of files that were not copied because they are known to be damaged.
        bytes: size of the copied files.
        problems: the files that were not copied, and why.
    """

    job: str
    copied: int = 0
    present: int = 0
    left_out: int = 0
    bytes: int = 0
    problems: tuple[FailureReport, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this job alone."""
        return worst([each.exit_code for each in self.problems])

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "job": self.job,
            "copied": self.copied,
            "present": self.present,
            "left_out": self.left_out,
            "bytes": self.bytes,
            "problems": [each.as_json("file", "kind", "message") for each in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The result of copying an archive.

    Attributes:
        to: the URL or path of the other destination.
        jobs: the result of each job.
    """

    to: str
    jobs: tuple[JobCopy, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return worst([job.exit_code for job in self.jobs])

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "exit_code": int(self.exit_code),
            "to": self.to,
            "jobs": [job.as_json() for job in self.jobs],
        }


def target_of(configs: "Sequence[Config]", settings: Settings, to: str) -> Location:
    """The location that an archive is to be copied to.

    Args:
        configs: the configurations.
        settings: those of the first one, with the other store's options.
        to: the other destination, as in the first one. A store's workspace is beside that file, as if it
            had this destination.

    Raises ConfigError.
    """
    try:
        place = parse(to)
    except ValueError as error:
        raise ConfigError(f"--to {error}") from None
    dest = place if is_store(place) else Path(place).expanduser()
    there = settings.model_copy(update={"dest": dest, "workspace": None})
    return locate(there, configs[0].path.parent)[1]


def copy_jobs(
    configs: "Sequence[Config]",
    target: Location,
    *,
    only: Sequence[str] = (),
    on_job: Callable[[JobCopy], object] | None = None,
    stopped: Stopped = never,
) -> Copy:
    """Copies jobs, one after the other.

    Args:
        configs: the configurations.
        target: the other destination.
        only: names of jobs; empty for all.
        on_job: called with each job's result.
        stopped: whether to stop; files copied until then are kept.

    Raises ConfigError, BackhaulError, InterruptedRunError.
    """
    found = []
    for known in known_jobs(configs, only):
        if known.dest.url == target.url:
            raise ConfigError(f"{known.name}: the archive is already in {target}")
        try:
            copied = _copy_job(known, target, stopped)
        except BackhaulError:
            raise
        except OSError as error:
            where = error.filename or target
            raise DiskError(f"{where}: {describe(error, target.folder)}") from None
        found.append(copied)
        if on_job is not None:
            on_job(copied)
    return Copy(to=target.url, jobs=tuple(found))


def _copy_job(known: KnownJob, to: Location, stopped: Stopped) -> JobCopy:
    """Copies a job's files and its rows in the ledger, except what is already there.

    Each file is compared with its sha256 while it is read; it is durable at the other destination, with
    that sha256, before that ledger knows it.

    Raises:
        ConfigError: the other destination has another archive under the job's name.
        LockedError: a run has locked the job, here or there.
        InterruptedRunError: the copy was stopped.
        BackhaulError, OSError: a destination or a ledger cannot be used.
    """
    row = known.row
    if row is None or known.folder is None:
        return JobCopy(job=known.name)
    with ExitStack() as held:
        held.callback(take_lease(known.dest, known.name).release)
        held.callback(take_lease(to, known.name).release)
        there = take_over(to, known.name)
        ledger = held.enter_context(Ledger(to.workspace))
        found = ledger.jobs.get(known.name)
        if found is not None and ledger.files.has_any(found.id):
            differs = Fingerprint.kept(row).differs(Fingerprint.kept(found))
            if differs:
                raise ConfigError(another_archive(to, known.name, differs))
        number = ledger.jobs.restore(row, listed=True)
        storage = held.enter_context(closing(open_job(to, known.name, durable=True)))
        work = _Work(known, known.folder, ledger, number, storage, to=to, stopped=stopped)
        for some in work.groups():
            work.copy(some)
        work.compare_with_store()
        for name, position in known.ledger.streams.all(row.id):
            ledger.streams.save(number, name, position)
        ledger.commit()
        kept = ledger.jobs.get(known.name) or row
        write_manifest(ledger, kept, storage.destination)
        ledger.commit()
        if not is_saved(ledger, known.name, there) and (digest := save(to, known.name)) is not None:
            remember(ledger, known.name, digest)
    return JobCopy(
        job=known.name,
        copied=work.copied,
        present=work.present,
        left_out=work.left_out,
        bytes=work.bytes,
        problems=tuple(work.problems),
    )


class _Work:
    """The copying of one job."""

    def __init__(
        self,
        known: KnownJob,
        source: Destination,
        ledger: Ledger,
        number: int,
        storage: JobStorage,
        *,
        to: Location,
        stopped: Stopped,
    ) -> None:
        self._known = known
        self._source = source
        self._ledger = ledger
        self._number = number
        self._to = to
        self._stopped = stopped
        self._workspace, self._target = storage
        self.copied = self.present = self.left_out = self.bytes = 0
        self.problems: list[FailureReport] = []

    def groups(self) -> Iterator[list[FileRow]]:
        """The job's rows, a group at a time."""
        row = self._known.row
        rows = iter(()) if row is None else self._known.ledger.inventory.files(row.id)
        group: list[FileRow] = []
        size = 0
        for each in rows:
            group.append(each)
            size += each.size or 0
            if len(group) >= _ROWS or size >= _BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def copy(self, rows: Sequence[FileRow]) -> None:
        """Copies the files of some rows that are not there yet, then records the rows."""
        staged: list[Staged] = []
        done: list[FileRow] = []
        try:
            absent: list[FileRow] = []
            for row in each_until(self._stopped, rows):
                if row.state not in HERE or row.sha256 is None:
                    self.left_out += row.state is SlotState.CORRUPT
                    done.append(row)
                elif self._has(row):
                    self.present += 1
                    done.append(row)
                else:
                    absent.append(row)
            read = map(self._stage, each_until(self._stopped, self._source.ahead(absent)))
            staged += [part for part in read if part is not None]
            if not self._target.is_remote:
                staged = self._on_disk(staged)
        except BaseException:
            for row in rows:  # do not leave a full disk full of parts
                self._workspace.drop_part(row.name)
            raise
        refused = dict(self._target.publish(staged))
        for name, error in refused.items():
            kind = error.kind if isinstance(error, StoreError) else FailureKind.DISK
            self._problem(name, kind, describe(error))
        sizes = {each.name: each.size or 0 for each in staged if each.name not in refused}
        self.copied += len(sizes)
        self.bytes += sum(sizes.values())
        done += [row for row in rows if row.name in sizes]
        self._record(done)

    def _has(self, row: FileRow) -> bool:
        """Whether the other destination has the file, and its ledger agrees."""
        there = self._ledger.files.get(self._number, row.name)
        if there is None or there.state not in HERE or there.sha256 != row.sha256:
            return False
        if not self._target.is_remote:
            return self._target.size(row.name) == row.size
        return not any(differing(self._ledger, self._target, [there], Compared()))

    def _stage(self, row: FileRow) -> Staged | None:
        """Reads a file into a part; None if it is unreadable, or has changed since it was verified."""
        digest, fault = hashlib.sha256(), None
        with os.fdopen(self._workspace.new_part(row.name), "wb") as part:
            try:
                for block in self._blocks(row.name):
                    digest.update(block)
                    part.write(block)
            except VerifyFault as error:
                fault = error
        if fault is None and digest.hexdigest() != row.sha256:
            fault = VerifyFault(FailureKind.CORRUPT, "content has changed since it was verified")
        if fault is not None:
            self._workspace.drop_part(row.name)
            self._problem(row.name, fault.kind, fault.message)
            return None
        there = self._ledger.files.get(self._number, row.name)
        return Staged(
            row.name,
            row.size,
            row.sha256,
            opened=True,
            known=there is not None,
            records=row.records,
            proof="+".join(Proof(row.proof or 0).words()),
            content=row.content,
            footer_lines=row.footer_lines,
        )

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Reads a file. Raises VerifyFault if this one cannot be read, StoreError, InterruptedRunError."""
        try:
            with self._source.open(name) as file:
                while block := file.read(_BLOCK):
                    raise_if_stopped(self._stopped)
                    yield block
        except (StoreError, StoppedError):
            raise
        except FileNotFoundError:
            raise VerifyFault(FailureKind.NOT_FOUND, "is no longer there") from None
        except OSError as error:
            raise VerifyFault(FailureKind.DISK, f"cannot read: {describe(error)}") from None

    def _on_disk(self, staged: Sequence[Staged]) -> list[Staged]:
        """Makes parts durable and reads them back; returns those with the written content.

        A store refuses bytes that do not match the checksum sent with them; a disk does not.
        """
        self._workspace.sync_parts([each.name for each in staged])
        good = []
        for each in staged:
            try:
                found = self._reread(each.name)
            except OSError as error:
                text = f"cannot read the file back: {describe(error)}"
            else:
                if found == each.sha256:
                    good.append(each._replace(synced=True))
                    continue
                text = "the disk returned other data than was written; check the disk"
            self._workspace.drop_part(each.name)
            self._problem(each.name, FailureKind.DISK, text)
        return good

    def _reread(self, name: str) -> str:
        """The sha256 of a part as stored on the disk."""
        digest = hashlib.sha256()
        with self._workspace.read_part(name) as part:
            read_from_disk(part.fileno())
            while block := part.read(_BLOCK):
                raise_if_stopped(self._stopped)
                digest.update(block)
        return digest.hexdigest()

    def compare_with_store(self) -> None:
        """Compares a store's new list with what was stored."""
        if not self._target.is_remote:
            return
        known = each_until(self._stopped, self._ledger.inventory.files(self._number))
        rows = (row for row in known if row.state in HERE)
        with looked_at(self._to, self._known.name) as store:
            if store is not None:
                for row in differing(self._ledger, store, rows, Compared()):
                    text = "the object in the store is not the one that was copied; run the command again"
                    self._problem(row.name, FailureKind.STORE, text)

    def _record(self, rows: Sequence[FileRow]) -> None:
        """Copies rows to the other ledger, replacing those of an earlier copy."""
        files, number = self._ledger.files, self._number
        old = [files.number(number, row.name) for row in rows]
        files.forget(number, [each for each in old if each is not None])
        files.restore(number, rows)
        if self._target.is_remote:
            present = [row.name for row in rows if row.state in HERE]
            files.save_etags(number, present, self._target.etag)
        self._ledger.commit()

    def _problem(self, file: str, kind: FailureKind, message: str) -> None:
        self.problems.append(FailureReport(file=file, kind=kind, message=message))

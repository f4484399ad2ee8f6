"""Copies the jobs of an archive to another destination: a folder or a store. Contacts no provider."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backhaul.archive.fingerprint import Fingerprint, another
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.archive.manifest.write import write_manifest
from backhaul.archive.snapshot import save, take_over
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
from backhaul.oserrors import StoreError, describe
from backhaul.storage.destination import Destination, Staged
from backhaul.storage.job import JobStorage, open_job, take_lease
from backhaul.storage.location import Location, is_store, parse
from backhaul.types import HERE

if TYPE_CHECKING:
    from backhaul.config import Config

_BLOCK: Final = 1 << 20
_ROWS: Final = 256  # files that are published and recorded together
_BYTES: Final = 256 << 20  # of these, from which fewer are


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCopy:
    """What was copied of a job.

    Attributes:
        job: its name.
        copied, present: number of files that were copied, or were there before.
        bytes: of the copied files.
        problems: the files that were not copied, and why.
    """

    job: str
    copied: int = 0
    present: int = 0
    bytes: int = 0
    problems: tuple[FailureReport, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this job alone."""
        return worst([each.exit_code for each in self.problems])

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "job": self.job,
            "copied": self.copied,
            "present": self.present,
            "bytes": self.bytes,
            "problems": [each.as_json("file", "kind", "message") for each in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What was copied.

    Attributes:
        to: the URL or path of the other destination.
        jobs: each job.
    """

    to: str
    jobs: tuple[JobCopy, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return worst([job.exit_code for job in self.jobs])

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "exit_code": int(self.exit_code),
            "to": self.to,
            "jobs": [job.as_json() for job in self.jobs],
        }


def copy_jobs(
    configs: "Sequence[Config]",
    settings: Settings,
    to: str,
    *,
    only: Sequence[str] = (),
    on_job: Callable[[JobCopy], object] | None = None,
) -> Copy:
    """Copies jobs, one after the other.

    Args:
        configs: the configurations.
        settings: those of the first one, with the other store's options.
        to: the other destination, as in the first one. A store's workspace is beside that file, as if it
            had this destination.
        only: names of jobs; empty for all.
        on_job: called with each job's result.

    Raises ConfigError, BackhaulError.
    """
    try:
        place = parse(to)
    except ValueError as error:
        raise ConfigError(f"--to {error}") from None
    dest = place if is_store(place) else Path(place).expanduser()
    there = settings.model_copy(update={"dest": dest, "workspace": None})
    _, target = locate(there, configs[0].path.parent)
    found = []
    for known in known_jobs(configs, only):
        if known.dest.url == target.url:
            raise ConfigError(f"{known.name}: the archive is in {target} already")
        try:
            copied = _copy_job(known, target)
        except BackhaulError:
            raise
        except OSError as error:
            where = error.filename or target
            raise DiskError(f"{where}: {describe(error, target.folder)}") from None
        found.append(copied)
        if on_job is not None:
            on_job(copied)
    return Copy(to=target.url, jobs=tuple(found))


def _copy_job(known: KnownJob, to: Location) -> JobCopy:
    """Copies a job's files and its rows in the ledger; what is there already is not copied again.

    Each file is compared with its sha256 while it is read; it is durable at the other destination, with
    that sha256, before that ledger knows it.

    Raises:
        ConfigError: the other destination has another archive under the job's name.
        LockedError: a run has locked the job, here or there.
        BackhaulError, OSError: a destination or a ledger cannot be used.
    """
    row = known.row
    if row is None or known.folder is None:
        return JobCopy(job=known.name)
    with ExitStack() as held:
        held.callback(take_lease(known.dest, known.name).release)
        take_over(to)
        held.callback(take_lease(to, known.name).release)
        ledger = held.enter_context(Ledger(to.workspace))
        found = ledger.jobs.get(known.name)
        if found is not None and ledger.files.has_any(found.id):
            differs = Fingerprint.kept(row).differs(Fingerprint.kept(found))
            if differs:
                raise ConfigError(another(to, known.name, differs))
        number = ledger.jobs.restore(row, listed=True)
        storage = held.enter_context(closing(open_job(to, known.name, durable=True)))
        work = _Work(known, known.folder, ledger, number, storage)
        for some in work.groups():
            work.copy(some)
        for name, position in known.ledger.streams.all(row.id):
            ledger.streams.save(number, name, position)
        ledger.commit()
        kept = ledger.jobs.get(known.name) or row
        write_manifest(
            ledger, kept, storage.destination, source=kept.source, provider=kept.provider
        )
        save(to, ledger)
    return JobCopy(
        job=known.name,
        copied=work.copied,
        present=work.present,
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
    ) -> None:
        self._known = known
        self._source = source
        self._ledger = ledger
        self._number = number
        self._workspace, self._target = storage
        self.copied = self.present = self.bytes = 0
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
        for row in rows:
            if row.state not in HERE or row.sha256 is None:
                done.append(row)
            elif self._has(row):
                self.present += 1
                done.append(row)
            elif (part := self._stage(row)) is not None:
                staged.append(part)
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
        """Whether the other destination has the file, as its ledger says too."""
        there = self._ledger.files.get(self._number, row.name)
        return (
            there is not None
            and there.state in HERE
            and there.sha256 == row.sha256
            and self._target.size(row.name) == row.size
        )

    def _stage(self, row: FileRow) -> Staged | None:
        """Reads a file into a part; None if it is not what was verified."""
        digest = hashlib.sha256()
        try:
            with self._source.open(row.name) as file:
                fd = self._workspace.new_part(row.name)
                with os.fdopen(fd, "wb") as part:
                    while block := file.read(_BLOCK):
                        digest.update(block)
                        part.write(block)
        except FileNotFoundError:
            self._problem(row.name, FailureKind.NOT_FOUND, "is no longer there")
            return None
        if digest.hexdigest() != row.sha256:
            self._workspace.drop_part(row.name)
            self._problem(
                row.name, FailureKind.CORRUPT, "content has changed since it was verified"
            )
            return None
        there = self._ledger.files.get(self._number, row.name)
        return Staged(
            row.name,
            row.size,
            row.sha256,
            opened=True,
            known=there is not None,
            records=row.records,
        )

    def _record(self, rows: Sequence[FileRow]) -> None:
        """Records rows as in the other ledger; rows of an earlier copy give way."""
        files, number = self._ledger.files, self._number
        old = [files.number(number, row.name) for row in rows]
        files.forget(number, [each for each in old if each is not None])
        files.restore(number, rows)
        if self._target.is_remote:
            etags = ((row.name, self._target.etag(row.name)) for row in rows if row.state in HERE)
            files.save_etags(number, [(name, etag) for name, etag in etags if etag])
        self._ledger.commit()

    def _problem(self, file: str, kind: FailureKind, message: str) -> None:
        self.problems.append(FailureReport(file=file, kind=kind, message=message))

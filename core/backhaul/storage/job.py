"""Selects a job's storage: the only module that knows the kinds of destinations.

Object stores are imported only when one is used.
"""

import shlex
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from backhaul.oserrors import describe
from backhaul.storage.destination import Destination, JobLease
from backhaul.storage.folder import JobFolder
from backhaul.storage.held_parts import HeldParts
from backhaul.storage.lease import Lease
from backhaul.storage.location import STATE, Location
from backhaul.storage.parts import LocalParts
from backhaul.storage.workspace import Workspace


class JobStorage(NamedTuple):
    """The storage of one job: the workspace for parts, the destination for published files."""

    workspace: Workspace
    destination: Destination

    def close(self) -> None:
        """Closes both."""
        self.destination.close()
        self.workspace.close()  # for a folder, both are the same object, closed twice


def open_job(dest: Location, job: str, *, durable: bool) -> JobStorage:
    """Opens a job's storage, creating it if necessary. Raises OSError, ConfigError.

    Args:
        dest: the archive.
        job: the job's name.
        durable: whether published files must survive a power failure.
    """
    if dest.folder is not None:
        folder = JobFolder(dest.folder / job, durable=durable)
        return JobStorage(folder, folder)
    parts = HeldParts(dest.parts(job), durable=durable)
    try:
        return JobStorage(parts, _store(dest, job, parts))
    except BaseException:
        parts.close()
        raise


def open_parts(dest: Location, job: str) -> Workspace:
    """Opens a job's workspace alone, creating it if necessary. Raises OSError."""
    return LocalParts(dest.parts(job))


def find_job(dest: Location, job: str, *, durable: bool = True) -> Destination | None:
    """Opens a job's destination; the caller closes it. Raises OSError, ConfigError.

    None if it does not exist; a store's always exists, perhaps empty.
    """
    if dest.folder is None:
        return _store(dest, job, None)
    path = dest.folder / job
    return JobFolder(path, durable=durable) if path.is_dir() else None


def open_store_of(dest: Location, name: str) -> Destination:
    """Opens objects below ``<dest>/<name>/`` of an archive in a store; the caller closes it.

    Raises ConfigError.
    """
    return _store(dest, name, None)


def find_state(dest: Location) -> Destination | None:
    """Opens the location of an archive's own objects; the caller closes it. Raises ConfigError.

    None for a folder, whose workspace is in it.
    """
    return _store(dest, STATE, None) if dest.folder is None else None


def take_lease(dest: Location, job: str) -> JobLease:
    """Locks a job for this process, for all users of its destination.

    Raises:
        LockedError: another run has locked the job.
        DiskError, StoreError, ConfigError: the lock cannot be written.
    """
    lease = Lease(dest.workspace, job)
    if dest.folder is not None:
        return lease
    with ExitStack() as opened:
        opened.callback(lease.release)
        store = _store(dest, job, None)
        opened.callback(store.close)
        both = _Both(lease, store.lease(), store)
        opened.pop_all()
    return both


class _Both(NamedTuple):
    """A job that is locked on this machine and in the store."""

    local: JobLease
    remote: JobLease
    store: Destination

    def release(self) -> None:
        try:
            self.remote.release()
        finally:
            self.store.close()
            self.local.release()


@contextmanager
def looked_at(dest: Location, job: str) -> Iterator[Destination | None]:
    """Like ``find_job``, as a context manager."""
    found = find_job(dest, job)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


def _store(dest: Location, job: str, workspace: Workspace | None) -> Destination:
    from backhaul.storage.object_store import open_store  # noqa: PLC0415 - slow, and rarely used

    return open_store(dest, job, workspace)


def stop_stores(dests: Collection[Location]) -> None:
    """Ends all requests to the object stores of these archives within a second.

    Later ones too, until the last user of a store has closed it.
    """
    used = sys.modules.get("backhaul.storage.stores.bucket")
    if used is not None:
        used.stop(dests)


def url_of(dest: Location, job: str) -> str:
    """The location of a job's files, for messages."""
    return f"{dest.url}/{job}" if dest.folder is None else str(dest.folder / job)


def how_to_move(dest: Location, job: str, new: str) -> str:
    """How a user can move the files of a job to another job, for messages."""
    here, there = url_of(dest, job), url_of(dest, new)
    if dest.folder is None:
        return f"move all objects below {here}/ to {there}/, with their metadata"
    return f"remove {there} if it exists, run `mv {shlex.quote(here)} {shlex.quote(there)}`"


def explain(error: OSError, dest: Location, job: str) -> str:
    """Describes why a job's storage cannot be opened."""
    folder = None if dest.folder is None else dest.folder / job
    return f"{url_of(dest, job)}: {describe(error, folder)}"

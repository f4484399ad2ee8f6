"""Selects a job's storage: the only module that knows the kinds of destinations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from backhaul.oserrors import describe
from backhaul.storage.destination import Destination
from backhaul.storage.folder import JobFolder
from backhaul.storage.workspace import Workspace


class JobStorage(NamedTuple):
    """The storage of one job: the workspace for parts, the destination for published files."""

    workspace: Workspace
    destination: Destination


def open_job(dest: Path, job: str, *, durable: bool) -> JobStorage:
    """Opens a job's storage, creating it if necessary. Raises OSError.

    Args:
        dest: the archive.
        job: the job's name.
        durable: whether published files must survive a power failure.
    """
    folder = JobFolder(dest / job, durable=durable)
    return JobStorage(folder, folder)


def find_job(dest: Path, job: str, *, durable: bool = True) -> Destination | None:
    """Opens a job's destination; the caller closes it. None if it does not exist. Raises OSError."""
    path = dest / job
    return JobFolder(path, durable=durable) if path.is_dir() else None


@contextmanager
def looked_at(dest: Path, job: str) -> Iterator[Destination | None]:
    """Like ``open_destination``, as a context manager."""
    found = find_job(dest, job)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


def url_of(dest: Path, job: str) -> str:
    """The location of a job's files, for messages."""
    return str(dest / job)


def explain(error: OSError, dest: Path, job: str) -> str:
    """Describes why a job's storage cannot be opened."""
    return f"{dest / job}: {describe(error, dest / job)}"

"""Which storage a job's files are in: the one place that knows what kinds of destinations there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from backhaul.oserrors import describe
from backhaul.storage.destination import Destination
from backhaul.storage.folder import JobFolder
from backhaul.storage.workspace import Workspace


class JobStorage(NamedTuple):
    """Where the files of one job are: first in the workspace, then in the destination."""

    workspace: Workspace
    destination: Destination


def open_job(dest: Path, job: str, *, durable: bool) -> JobStorage:
    """Opens a job's storage, and makes it when it is not there. Raises OSError.

    Args:
        dest: the archive.
        job: the job's name.
        durable: whether what is published outlives a power cut.
    """
    folder = JobFolder(dest / job, durable=durable)
    return JobStorage(folder, folder)


def find_job(dest: Path, job: str, *, durable: bool = True) -> Destination | None:
    """A job's destination, to be closed by the caller; None when there is none yet. Raises OSError."""
    path = dest / job
    return JobFolder(path, durable=durable) if path.is_dir() else None


@contextmanager
def looked_at(dest: Path, job: str) -> Iterator[Destination | None]:
    """The same, closed at the end."""
    found = find_job(dest, job)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


def url_of(dest: Path, job: str) -> str:
    """Where a job's files are, or will be, for people."""
    return str(dest / job)


def explain(error: OSError, dest: Path, job: str) -> str:
    """Why a job's storage cannot be opened, for people."""
    return f"{dest / job}: {describe(error, dest / job)}"

"""What happens where a provider leaves an optional hook out. Registered first, so called last."""

from backhaul.errors import PluginError
from backhaul.hookspecs import hookimpl
from backhaul.types import JobState, JobStatus, Problem, RemoteFile, RemoteJob, Request, Table


@hookimpl
def list_jobs() -> list[RemoteJob]:
    """No jobs to list."""
    return []


@hookimpl
def get_status() -> JobStatus:
    """Always ready."""
    return JobStatus(JobState.READY)


@hookimpl
def fetch_file(file: RemoteFile) -> Request:
    """From the URL that the file names. Raises PluginError when it names none."""
    if file.url is None:
        raise PluginError(f"{file.name!r} has no url, and no fetch_file says where it lies")
    return Request(file.url)


@hookimpl
def check_file() -> list[Problem]:
    """Nothing is wrong."""
    return []


@hookimpl
def derive_tables() -> list[Table]:
    """No tables."""
    return []

"""Gnip Historical PowerTrack (HPT), versions 1 and 2.

The API, as this provider uses it (sources: the vendor's articles "Downloading Historical
PowerTrack Files" and "Historical PowerTrack", and what its public clients do):

* Every call uses HTTP Basic. ``GET jobs.json`` lists the jobs, ``GET jobs/{uuid}.json`` returns
  one, and ``GET jobs/{uuid}/results.json`` (or ``.csv``) lists its signed links; see ``api``.
* A job is done when ``status`` is ``delivered`` (``finished`` in old responses), whatever its
  percentage and message. A job object whose status is ``error`` is an API error.
* Each ten minutes (UTC) with activity make one gzip file of JSON Lines; ten silent minutes have
  no file. Lines end in CRLF, blank lines occur, and the last line is the ``info`` footer.
* Two things expire: the job, at ``expiresAt`` (after about 15 days), and each link, at its own
  ``Expires``. Listing the links again may return new ones.
* Links take no credentials and must be used byte for byte.

API calls: 1 for ``list_jobs``; 1 for ``get_status``, and 1 more once the job is delivered (only the
list has sizes and suspect minutes, and shows whether links are still available); 1 for
``resolve_files``, which always lists fresh links. Each costs 1 more for a job given by title.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from backhaul import (
    AuthError,
    Content,
    Http,
    JobState,
    JobStatus,
    NotDataError,
    NotFoundError,
    Problem,
    ProviderError,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    Request,
    hookimpl,
)
from backhaul_gnip_hpt import footer, links, status
from backhaul_gnip_hpt.api import Api
from backhaul_gnip_hpt.example import EXAMPLE
from backhaul_gnip_hpt.files import files
from backhaul_gnip_hpt.numbers import minute, number
from backhaul_gnip_hpt.options import HptJob, HptSource

_UNAUTHORIZED = 401


@hookimpl
def provider() -> ProviderInfo:
    """Describe the provider."""
    return ProviderInfo("Gnip Historical PowerTrack", HptSource, HptJob, example=EXAMPLE)


@hookimpl
def list_jobs(http: Http, source: HptSource) -> Iterator[RemoteJob]:
    """All jobs of the account, in one call."""
    for uuid, summary in Api(http, source).jobs():
        start, end = minute(summary.get("fromDate")), minute(summary.get("toDate"))
        if start is not None and end is not None and end < start:
            start = end = None  # better no period than an impossible one
        yield RemoteJob(
            uuid,
            str(summary.get("title") or ""),
            state=status.state_of(summary),
            start=start,
            end=end,
            meta={
                "status": summary.get("status"),
                "percent": number(summary.get("percentComplete")),
                "expires": summary.get("expiresAt"),
            },
        )


@hookimpl
def get_status(http: Http, source: HptSource, job: HptJob) -> JobStatus:
    """The job's status and, once it is delivered, the totals from its list of links.

    A delivered job past its expiry is EXPIRED only once its links are no longer listed.
    One-time customers' accounts can read a job's links but not the job itself. For them the links
    decide, and the slots are unknown.
    """
    api = Api(http, source)
    uuid = api.find(job)
    return replace(_status(api, uuid, job), identity={"id": uuid})


def _status(api: Api, uuid: str, job: HptJob) -> JobStatus:
    try:
        found = status.from_job(api.job(uuid))
    except (NotFoundError, AuthError) as error:
        if error.response is not None and error.response.status_code == _UNAUTHORIZED:
            raise
        return _status_by_links(api, uuid, job, error)
    if found.state is not JobState.READY:
        return found
    try:
        with api.results(uuid, job.links) as results:
            return status.with_results(found, results, api.now())
    except NotDataError:
        raise
    except ProviderError as error:
        return status.without_results(found, error, api.now())


@hookimpl
def resolve_files(http: Http, source: HptSource, job: HptJob) -> Iterator[RemoteFile]:
    """The files, from a freshly signed list of links; one call."""
    api = Api(http, source)
    uuid = api.find(job)
    with api.results(uuid, job.links) as results:
        yield from files(uuid, results)


@hookimpl
def fetch_file(file: RemoteFile) -> Request:
    """A plain GET of the signed link, valid until the link's ``Expires``."""
    if not file.url or not file.url.startswith(("https://", "http://")):
        raise NotDataError(f"{file.name}: the provider's link is not an http(s) URL")
    return Request(file.url, expires=links.expires(file.url))


@hookimpl
def check_file(file: RemoteFile, content: Content) -> Iterable[Problem]:
    """Check that the ``info`` footer is present and that its count matches the file."""
    return footer.check(content) if file.footer_lines else ()


def _status_by_links(api: Api, uuid: str, job: HptJob, error: Exception) -> JobStatus:
    note = f"cannot read the job, so its silent slots are unknown: {error}"
    known = JobStatus(
        JobState.READY, message="delivered: its links are available", warnings=(note,)
    )
    try:
        with api.results(uuid, job.links) as results:
            return status.with_results(known, results, api.now())
    except NotFoundError as no_links:
        if isinstance(error, NotFoundError):
            raise NotFoundError(f"account {api.source.account!r} has no job {uuid!r}") from no_links
        return JobStatus(
            JobState.PENDING, message=f"no links are available, and the job cannot be read: {error}"
        )

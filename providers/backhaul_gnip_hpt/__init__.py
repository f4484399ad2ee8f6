"""Gnip Historical PowerTrack (HPT), versions 1 and 2.

The API, as this provider uses it (sources: the vendor's articles "Downloading Historical
PowerTrack Files" and "Historical PowerTrack", and what its public clients do):

* HTTP Basic on each call; ``GET jobs.json`` lists, ``GET jobs/{uuid}.json`` is a job,
  ``GET jobs/{uuid}/results.json`` (or ``.csv``) lists its signed links; paths in ``api``.
* A job is done when ``status`` says ``delivered`` (``finished`` in old answers); percent and
  message texts do not count. A job object whose status is ``error`` is an API error.
* One gzip file of JSON lines for each ten minutes (UTC) that have activity; ten silent minutes
  have no file. Lines end in CRLF, blank lines occur, the last line is the ``info`` footer.
* Two clocks: the job's ``expiresAt`` (about 15 days) and each link's ``Expires``; a new list may
  have new links.
* Links take no credentials and are kept byte for byte.

API calls: ``list_jobs`` 1; ``get_status`` 1, and 1 more once the job is delivered (sizes, suspect
minutes and whether links are still given are said there only); ``resolve_files`` 1, for links
should be fresh. A job named by title costs 1 more each time.
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
    """Describes the provider."""
    return ProviderInfo("Gnip Historical PowerTrack", HptSource, HptJob, example=EXAMPLE)


@hookimpl
def list_jobs(http: Http, source: HptSource) -> Iterator[RemoteJob]:
    """All jobs of the account, in one call."""
    for uuid, summary in Api(http, source).jobs():
        start, end = minute(summary.get("fromDate")), minute(summary.get("toDate"))
        if start is not None and end is not None and end < start:
            start = end = None  # no period is better than one that cannot be
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
    """The job object and, once it is delivered, what its list of links says of the whole.

    A delivered job past its expiry is EXPIRED only when its links are not listed any more.
    Accounts of one-time customers may read the links of a job, but not the job: then the links
    decide, and its slots are not known.
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
    """The files of a freshly signed list of links; one call."""
    api = Api(http, source)
    uuid = api.find(job)
    with api.results(uuid, job.links) as results:
        yield from files(uuid, results)


@hookimpl
def fetch_file(file: RemoteFile) -> Request:
    """A plain GET of the signed link, until the link's own ``Expires``."""
    if not file.url or not file.url.startswith(("https://", "http://")):
        raise NotDataError(f"{file.name}: the provider's link is not an http(s) URL")
    return Request(file.url, expires=links.expires(file.url))


@hookimpl
def check_file(file: RemoteFile, content: Content) -> Iterable[Problem]:
    """The ``info`` footer is there, and its count is that of the lines."""
    return footer.check(content) if file.footer_lines else ()


def _status_by_links(api: Api, uuid: str, job: HptJob, error: Exception) -> JobStatus:
    note = f"the job itself cannot be read, so its silent slots are not known: {error}"
    known = JobStatus(JobState.READY, message="delivered: its links are listed", warnings=(note,))
    try:
        with api.results(uuid, job.links) as results:
            return status.with_results(known, results, api.now())
    except NotFoundError as no_links:
        if isinstance(error, NotFoundError):
            raise NotFoundError(f"account {api.source.account!r} has no job {uuid!r}") from no_links
        return JobStatus(
            JobState.PENDING, message=f"no links are listed, and no more is known: {error}"
        )

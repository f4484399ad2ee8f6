"""Mass Relevance (TweetRiver, later Spredfast) stream meta: snapshots of a live aggregate.

Protocol facts ("Stream Meta API" page; "Account API" page for the list of streams):

* ``GET {base_url}/{account}/{stream}/meta.{json|xml}`` takes the parameters in ``params`` and needs
  no credentials. It returns 200, 404 or 500; error bodies may be blank.
* ``finish`` (Unix time, seconds) is where activity ends. It is always sent, so that a snapshot can
  be requested again. ``count`` and the advanced sections are as of the request.
* ``activity`` has the keys ``minute``, ``hourly`` and ``daily``, each with the arrays ``total``,
  ``rejected``, ``pending`` and ``approved``, oldest first. The items have no times: see
  ``join_activity``.
* ``GET {base_url}/{account}.json`` lists the account's streams.

A job without ``to``, ``every`` and ``params.finish`` takes one new snapshot per run, named after the
minute at which the run started.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from backhaul import (
    Content,
    Http,
    JobState,
    JobStatus,
    Pace,
    Problem,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    Request,
    hookimpl,
)
from backhaul_massrelevance_meta import checks
from backhaul_massrelevance_meta.activity import Activity, join_activity
from backhaul_massrelevance_meta.options import MassRelevanceSource, MetaJob
from backhaul_massrelevance_meta.streams import account_streams, stream_meta, time_of

__all__ = ["Activity", "join_activity"]

_EXAMPLE = """\
version: 1
sources:
  tweetriver:
    provider: massrelevance-meta
    account: bdainton
jobs:
  kindle:
    source: tweetriver
    stream: kindle
    formats: [json]               # json, xml
    params: {num_minutes: 1440, num_hours: 24, num_days: 7}   # named as in the API
    from: 2012-09-26              # with every: one snapshot per period, finish = its end;
    to: 2012-10-01                # without: a single one, finish = to, or now if unset
    every: 1d
"""


@hookimpl
def provider() -> ProviderInfo:
    """Describe the provider. The API documents no rate limit; two calls per second are polite."""
    return ProviderInfo(
        "Mass Relevance stream meta",
        MassRelevanceSource,
        MetaJob,
        pace=Pace(2.0, burst=4),
        example=_EXAMPLE,
    )


@hookimpl
def list_jobs(http: Http, source: MassRelevanceSource) -> Iterator[RemoteJob]:
    """The account's streams."""
    for stream in account_streams(http, source):
        name = stream["name"]
        yield RemoteJob(
            name,
            str(stream.get("description") or stream.get("full_name") or name),
            start=time_of(stream.get("created_at")),
            meta={key: stream[key] for key in ("full_name", "count") if key in stream},
        )


@hookimpl
def get_status(http: Http, source: MassRelevanceSource, job: MetaJob) -> JobStatus:
    """Ready if the stream exists. Raises ConfigError if it does not."""
    meta = stream_meta(http, source, job.stream, min(job.finish, job.now))
    return JobStatus(
        JobState.READY,
        message=str(meta.get("description") or ""),
        slots=job.slots(),
        bounded=True,
        warnings=tuple(checks.warnings(job, created=time_of(meta.get("created_at")))),
    )


@hookimpl
def resolve_files(source: MassRelevanceSource, job: MetaJob) -> Iterator[RemoteFile]:
    """Yield a file for each format of each period that has ended."""
    stem = f"{quote(source.account, safe='')}_{quote(job.stream, safe='')}_meta"
    for start, finish in job.periods():
        for form in job.formats:
            yield RemoteFile(
                f"{stem}_{finish:%Y%m%dT%H%M%SZ}.{form}",
                start=start,
                end=finish,
                content=form,
                meta={"finish": int(finish.timestamp()), "format": form},
            )


@hookimpl
def fetch_file(source: MassRelevanceSource, job: MetaJob, file: RemoteFile) -> Request:
    """The snapshot's URL; generated for each request, so ranges are not supported."""
    finish = datetime.fromtimestamp(file.meta["finish"], UTC)
    path = (
        f"{quote(source.account, safe='')}/{quote(job.stream, safe='')}/meta.{file.meta['format']}"
    )
    return Request(f"{source.base_url}/{path}?{job.params.query(finish)}", ranges=False)


@hookimpl
def check_file(job: MetaJob, file: RemoteFile, content: Content) -> list[Problem]:
    """Check that it belongs to this stream and has the requested minutes, hours and days."""
    if content.document is None:
        return []
    check = checks.xml_problems if file.content == "xml" else checks.json_problems
    return list(check(job, content.document))

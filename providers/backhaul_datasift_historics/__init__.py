"""DataSift Historics: a query's interactions, through its pull subscription.

What the API does, after DataSift's own references (historics/get, push/get, pull, Push, Historics
status codes, rate limits):

* ``Authorization: user:key`` as it is; an hourly budget of points, 25 for a historics/get.
* A query delivers by Push only. What can be fetched is a subscription of the type ``pull``, made for
  the query before it is started. Its queue keeps an hour.
* ``pull`` answers batches with a cursor before and behind them, or 204 when nothing waits; there is
  no mark of the end.

So a job is one file, ``datasift_{id}.jsonl.gz``, that grows while the query runs and is stored in
pieces; its slots are the query's chunks, about a day each.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from backhaul import (
    Chunk,
    Http,
    JobStatus,
    ProviderError,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    find_job,
    hookimpl,
)
from backhaul_datasift_historics.api import GET_COST, Api
from backhaul_datasift_historics.drain import Drain
from backhaul_datasift_historics.options import DatasiftJob, DatasiftSource
from backhaul_datasift_historics.position import Position
from backhaul_datasift_historics.query import Query
from backhaul_datasift_historics.status import job_status, listed_job
from backhaul_datasift_historics.subscription import Subscription, choose

_EXAMPLE = """\
version: 1
sources:
  datasift:
    provider: datasift-historics
    username: ${DATASIFT_USERNAME}
    api_key: ${DATASIFT_API_KEY}
    api_version: v1.6            # v1.3 and others work the same
jobs:
  fifa:
    source: datasift
    id: 9e97d9ac115e58fcb7ab     # or name: the query's name
    # The queue keeps an hour: begin before the query is started, and stay until it is delivered.
    # subscription: ...          # found by the query when left out
    split: 64M                   # a new file each so many stored bytes
"""


@hookimpl
def provider() -> ProviderInfo:
    """Describes the provider."""
    return ProviderInfo(
        "DataSift Historics",
        DatasiftSource,
        DatasiftJob,
        call_cost=GET_COST,
        example=_EXAMPLE,
    )


@hookimpl
def list_jobs(http: Http, source: DatasiftSource) -> Iterator[RemoteJob]:
    """All Historics queries of the account."""
    return map(listed_job, Api(http, source).queries())


@hookimpl
def get_status(http: Http, source: DatasiftSource, job: DatasiftJob) -> JobStatus:
    """The query's status, its chunks, and what is odd about its subscription."""
    api = Api(http, source)
    query = _query(api, job)
    subscription, note = None, ""
    try:
        subscription = _subscription(api, job, query)
    except ProviderError as error:
        note = error.message
    return job_status(query, subscription, note, datetime.now(UTC))


@hookimpl
def resolve_files(http: Http, source: DatasiftSource, job: DatasiftJob) -> Iterator[RemoteFile]:
    """The one file of the query."""
    api = Api(http, source)
    query = _query(api, job)
    yield RemoteFile(
        f"datasift_{query.id}.jsonl.gz",
        start=query.start,
        end=query.end,
        records=query.records if query.terminal else None,
        split=job.split,
        meta={"query": query.id, "subscription": _subscription(api, job, query).id},
    )


@hookimpl
def pull_file(
    http: Http, source: DatasiftSource, job: DatasiftJob, file: RemoteFile, cursor: str | None
) -> Iterator[Chunk]:
    """The file's interactions, pulled on from the cursor."""
    # Unless told otherwise a job stays with the subscription that it began with.
    position = Position.read(cursor) if cursor else Position(file.meta["subscription"])
    if job.subscription not in {None, position.subscription}:
        raise ProviderError(
            f"what is stored was pulled from the subscription {position.subscription}; "
            f"{job.subscription} would bring it again: use another job for it"
        )
    drain = Drain(
        api=Api(http, source),
        query=file.meta["query"],
        position=position,
        size=job.pull_size,
        gap=1.0 / source.pulls_per_second,
        poll=job.poll.total_seconds(),
    )
    return drain.chunks(begun=cursor is not None)


def _query(api: Api, job: DatasiftJob) -> Query:
    if job.id is not None:
        return api.query(job.id)
    jobs = map(listed_job, api.queries())
    return api.query(find_job(job.name or "", jobs, key="name").id)


def _subscription(api: Api, job: DatasiftJob, query: Query) -> Subscription:
    """The subscription to pull from. Raises NotFoundError, ProviderError."""
    if job.subscription is None:
        return choose(query.id, api.subscriptions(query.id))
    found = api.subscription(job.subscription)
    found.ensure_pullable(query.id)
    return found

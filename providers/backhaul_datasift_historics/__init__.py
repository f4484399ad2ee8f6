"""DataSift Historics: a query's interactions, through its pull subscription.

How the API works, according to DataSift's references (historics/get, push/get, pull, Push,
Historics status codes, rate limits):

* ``Authorization: user:key`` is sent unencoded. Calls draw on an hourly budget of points; a
  historics/get costs 25.
* A query delivers through Push only. To fetch it, create a subscription of type ``pull`` before
  starting the query. Its queue keeps data for an hour.
* ``pull`` returns batches with their current and next cursors, or 204 when the queue is empty.
  Nothing marks the end.

So a job is a single file, ``datasift_{id}.jsonl.gz``, which grows while the query runs and is stored
in pieces. Its slots are the query's chunks of about a day each.
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
    api_version: v1.6            # other versions such as v1.3 work too
jobs:
  fifa:
    source: datasift
    id: 9e97d9ac115e58fcb7ab     # or name: the query's name
    # The queue keeps an hour: run this before you start the query, until it is delivered.
    # subscription: ...          # default: looked up from the query
    split: 64M                   # start a new file after this many stored bytes
"""


@hookimpl
def provider() -> ProviderInfo:
    """Describe the provider."""
    return ProviderInfo(
        "DataSift Historics", DatasiftSource, DatasiftJob, call_cost=GET_COST, example=_EXAMPLE
    )


@hookimpl
def list_jobs(http: Http, source: DatasiftSource) -> Iterator[RemoteJob]:
    """All Historics queries of the account."""
    return map(listed_job, Api(http, source).queries())


@hookimpl
def get_status(http: Http, source: DatasiftSource, job: DatasiftJob) -> JobStatus:
    """The query's status, its chunks, and any problems with its subscription."""
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
    """The query's only file."""
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
    """Pull the file's interactions, starting from the cursor."""
    # By default, a job keeps the subscription it started with.
    position = Position.read(cursor) if cursor else Position(file.meta["subscription"])
    if job.subscription not in {None, position.subscription}:
        raise ProviderError(
            f"the stored data was pulled from subscription {position.subscription}; pulling from "
            f"{job.subscription} would duplicate it: use a separate job"
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

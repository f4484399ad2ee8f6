"""Map DataSift's query statuses to backhaul's job states.

The statuses are those of DataSift's page "Historics status codes", including old names. A query that
was stopped, was killed or has failed is FAILED, since it will never deliver everything; what it did
deliver stays in the queue for an hour and is still fetched (``partial``).
"""

from datetime import UTC, datetime, timedelta

from backhaul import JobState, JobStatus, RemoteJob, Slots, SlotState, Totals
from backhaul_datasift_historics.query import Query, QueryChunk
from backhaul_datasift_historics.subscription import Subscription

QUEUE_KEEPS = timedelta(hours=1)
"""How long the queue keeps data that is not pulled (DataSift, pull connector)."""

_LOOK_AGAIN = 60.0

STATES: dict[str, JobState] = {
    "init": JobState.PENDING,
    "queued": JobState.PENDING,
    "submitted": JobState.PENDING,
    "running": JobState.RUNNING,
    "pausing": JobState.RUNNING,
    "paused": JobState.RUNNING,
    "delayed": JobState.RUNNING,
    "succeeded": JobState.READY,
    "stopped": JobState.FAILED,
    "killed": JobState.FAILED,
    "failed": JobState.FAILED,
    "prohibited": JobState.FAILED,
}

_NOTES = {
    "init": "prepared but not started: start it with historics/start",
    "delayed": "DataSift will retry it automatically",
    "paused": "resume it to continue",
    "stopped": "stopped by a user; only what it had already delivered can be fetched",
    "killed": "killed by DataSift; only what it had already delivered can be fetched",
    "failed": "failed at DataSift; only what it had already delivered can be fetched",
    "prohibited": "DataSift refuses to run it",
}


def state_of(query: Query) -> JobState:
    """The job's state; an unknown status counts as running."""
    return STATES.get(query.status, JobState.RUNNING)


def job_status(
    query: Query, subscription: Subscription | None, note: str, now: datetime
) -> JobStatus:
    """The status of a query and its subscription; if that is None, ``note`` says why."""
    state = state_of(query)
    records = query.records
    return JobStatus(
        state,
        query.progress,
        _message(query),
        totals=None if records is None else Totals(records=records),
        slots=_slots(query),
        retry_after=_retry_after(query, now),
        partial=_can_be_drained(query),
        warnings=tuple(_warnings(query, subscription, note, now)),
        identity={"id": query.id},
        doubt=_doubt(query, subscription),
    )


def listed_job(query: Query) -> RemoteJob:
    """A listed query as a job."""
    return RemoteJob(
        query.id,
        query.name,
        state=state_of(query),
        start=query.start,
        end=query.end,
        meta={
            "status": query.status,
            "progress": query.progress,
            "sources": list(query.sources),
            "sample": query.sample,
            "delivery_count": query.delivered,
            "estimated_completion": query.estimated and query.estimated.isoformat(),
        },
    )


def _can_be_drained(query: Query) -> bool:
    """Whether the queue may have data although the query is not fully delivered.

    That includes queries that are still waiting: pulling before the first interaction arrives makes
    sure that the start of the queue is not missed, since it keeps data only for an hour.
    """
    if state_of(query) is JobState.FAILED:
        return query.records is None or query.records > 0
    return query.status not in {"init", "succeeded"}


def _message(query: Query) -> str:
    note = _NOTES.get(query.status) or (
        "" if query.status in STATES else "unknown status, treated as running"
    )
    return f"{query.status}: {note}" if note else query.status


def _retry_after(query: Query, now: datetime) -> float | None:
    if query.terminal:
        return None
    if state_of(query) is JobState.PENDING or query.estimated is None:
        # Once the query runs, the queue keeps data for an hour only, so do not sleep longer.
        return _LOOK_AGAIN
    return max((query.estimated - now).total_seconds(), _LOOK_AGAIN)


def _slots(query: Query) -> tuple[Slots, ...]:
    if query.chunks:
        return tuple(
            Slots(
                chunk.start,
                chunk.end,
                state=_slot_state(chunk, query),
                records=chunk.delivered,
                note=chunk.status,
            )
            for chunk in query.chunks
        )
    if query.start is None or query.end is None or query.end <= query.start:
        return ()
    state = None if query.status == "succeeded" else SlotState.PENDING
    if state_of(query) is JobState.FAILED:
        state = SlotState.FAILED
    return (Slots(query.start, query.end, state=state, records=query.delivered, note=query.status),)


def _slot_state(chunk: QueryChunk, query: Query) -> SlotState | None:
    """None if the chunk was fully delivered: then the files decide."""
    if chunk.status == "succeeded":
        return None
    ended = STATES.get(chunk.status) is JobState.FAILED or query.terminal
    return SlotState.FAILED if ended else SlotState.PENDING


def _doubt(query: Query, subscription: Subscription | None) -> str:
    """Why a part of the query without data may not really be empty."""
    if subscription is not None and subscription.lost_data:
        return _lost(subscription)
    if query.terminal and any(chunk.delivered is None for chunk in query.chunks):
        return "DataSift reports no count for some chunks, and the queue returns interactions only once"
    if query.terminal and query.undated:
        chunks = "1 chunk" if query.undated == 1 else f"{query.undated:,} chunks"
        return f"DataSift lists {chunks} without a valid period"
    return _contradiction(query)


def _lost(subscription: Subscription) -> str:
    return (
        f"DataSift discarded interactions of subscription {subscription.id}"
        " before they were pulled (lost_data)"
    )


def _contradiction(query: Query) -> str:
    total = query.chunk_sum
    if query.delivered is None or total is None or query.delivered == total:
        return ""
    return (
        f"DataSift reports {query.delivered} interactions for the query but {total} for its chunks"
    )


def _warnings(
    query: Query, subscription: Subscription | None, note: str, now: datetime
) -> list[str]:
    found = [note] if note else []
    contradiction = _contradiction(query)
    if contradiction:
        found.append(contradiction)
    if subscription is None:
        return found
    if subscription.lost_data:
        found.append(_lost(subscription))
    if subscription.paused:
        found.append(
            f"subscription {subscription.id} is {subscription.status}: resume it within an hour, or it fails"
        )
    last = subscription.last_request
    more = not (query.terminal and subscription.over) or bool(subscription.waiting)
    if last is not None and more and now - last > QUEUE_KEEPS:
        found.append(
            f"the last pull was at {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
            "the queue keeps only an hour, so earlier interactions may be lost"
        )
    return found

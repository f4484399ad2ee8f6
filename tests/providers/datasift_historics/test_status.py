"""Mapping DataSift's query states to backhaul's."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.messages import assert_messages

from backhaul import JobState, NotDataError, SlotState
from backhaul_datasift_historics.query import Query
from backhaul_datasift_historics.status import job_status
from backhaul_datasift_historics.subscription import Subscription

NOW = datetime(2016, 2, 3, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
Start = Callable[..., Any]


def query(**fields: Any) -> Query:
    base = {"id": "9e97", "name": "fog", "start": 1325376001, "end": 1325894401, "progress": 15}
    return Query.read(base | fields)


def subscription(**fields: Any) -> Subscription:
    return Subscription.read({"id": "5ub", "output_type": "pull", "status": "active"} | fields)


@pytest.mark.parametrize(
    ("word", "delivered", "state", "partial"),
    [
        ("init", 0, JobState.PENDING, False),
        ("queued", 0, JobState.PENDING, True),
        ("submitted", 0, JobState.PENDING, True),
        ("running", 0, JobState.RUNNING, True),
        ("pausing", 10, JobState.RUNNING, True),
        ("paused", 10, JobState.RUNNING, True),
        ("delayed", 10, JobState.RUNNING, True),
        ("succeeded", 10, JobState.READY, False),
        ("stopped", 10, JobState.FAILED, True),
        ("stopped", 0, JobState.FAILED, False),
        ("killed", 10, JobState.FAILED, True),
        ("failed", 10, JobState.FAILED, True),
        ("prohibited", 0, JobState.FAILED, False),
        ("somethingnew", 0, JobState.RUNNING, True),
        ("RUNNING", 0, JobState.RUNNING, True),
    ],
)
def test_each_status_has_its_state(
    word: str, delivered: int, state: JobState, *, partial: bool
) -> None:
    status = job_status(query(status=word, delivery_count=delivered), None, "", NOW)
    assert (status.state, status.partial) == (state, partial)
    assert status.message.startswith(word.lower())


def test_each_chunk_is_a_slot_with_its_count_and_status() -> None:
    chunks = [
        {"status": "succeeded", "start_time": 0 + 86400, "end_time": 172800, "delivery_count": 200},
        {"status": "running", "start_time": 172800, "end_time": 259200, "delivery_count": 100},
        {"status": "init", "start_time": 259200, "end_time": 259201, "delivery_count": 0},
    ]
    status = job_status(query(status="running", delivery_count=300, chunks=chunks), None, "", NOW)
    found = [(slot.state, slot.records, slot.note) for slot in status.slots]
    assert found == [
        (None, 200, "succeeded"),
        (SlotState.PENDING, 100, "running"),
        (SlotState.PENDING, 0, "init"),
    ]
    assert status.slots[2].start == datetime(1970, 1, 4, tzinfo=UTC)
    assert (status.slots[2].end - status.slots[2].start).total_seconds() == 1


def test_chunks_of_an_ended_query_that_did_not_succeed_have_failed() -> None:
    chunks = [
        {"status": "succeeded", "start_time": 86400, "end_time": 172800},
        {"status": "init", "start_time": 172800, "end_time": 259200},
    ]
    status = job_status(query(status="stopped", chunks=chunks), None, "", NOW)
    assert [slot.state for slot in status.slots] == [None, SlotState.FAILED]


@pytest.mark.parametrize(("status", "doubted"), [("succeeded", True), ("running", False)])
def test_a_chunk_without_a_period_may_be_any_slot(status: str, *, doubted: bool) -> None:
    chunks = [
        {"status": "succeeded", "start_time": 86400, "end_time": 172800, "delivery_count": 0},
        {"status": "succeeded", "start_time": 172800, "end_time": 0, "delivery_count": 0},
    ]
    found = job_status(query(status=status, chunks=chunks), None, "", NOW)
    assert ("1 chunk without a valid period" in found.doubt) == doubted


def test_a_query_without_chunks_is_one_slot() -> None:
    (slot,) = job_status(query(status="init"), None, "", NOW).slots
    assert slot.start == datetime.fromtimestamp(1325376001, UTC)
    assert slot.state is SlotState.PENDING


def test_totals_are_the_querys_count_or_else_the_sum_of_its_chunks() -> None:
    chunks = [{"start_time": 86400, "end_time": 172800, "delivery_count": 7}]
    own = job_status(query(status="running", delivery_count=9, chunks=chunks), None, "", NOW)
    summed = job_status(query(status="running", chunks=chunks), None, "", NOW)
    unknown = job_status(query(status="running"), None, "", NOW)
    assert own.totals is not None
    assert own.totals.records == 9
    assert summed.totals is not None
    assert summed.totals.records == 7
    assert unknown.totals is None


def test_counts_that_disagree_are_a_warning() -> None:
    chunks = [{"start_time": 86400, "end_time": 172800, "delivery_count": 7}]
    status = job_status(query(status="running", delivery_count=9, chunks=chunks), None, "", NOW)
    assert_messages(status.warnings, ("", "9", "7"))


def test_the_estimate_says_when_to_ask_again() -> None:
    running = query(status="running", estimated_completion=EPOCH + 500)
    past = query(status="running", estimated_completion=EPOCH - 500)
    assert job_status(running, None, "", NOW).retry_after == 500
    assert job_status(past, None, "", NOW).retry_after == 60
    assert job_status(query(status="succeeded"), None, "", NOW).retry_after is None


def test_a_waiting_query_is_checked_each_minute_because_its_queue_keeps_an_hour() -> None:
    waits = query(status="queued", estimated_completion=EPOCH + 50_000)
    assert job_status(waits, None, "", NOW).retry_after == 60


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"lost_data": True}, "lost_data"),
        ({"status": "paused"}, "paused"),
        ({"last_request": EPOCH - 3700}, ""),
    ],
)
def test_oddities_of_the_subscription_are_warnings(fields: dict[str, Any], word: str) -> None:
    (warning,) = job_status(query(status="running"), subscription(**fields), "", NOW).warnings
    assert word in warning


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"last_request": EPOCH - 3500},
        {"last_request": None},
        {"last_request": EPOCH - 9000, "status": "finished"},
    ],
)
def test_a_healthy_subscription_has_no_warning(fields: dict[str, Any]) -> None:
    assert job_status(query(status="succeeded"), subscription(**fields), "", NOW).warnings == ()


@pytest.mark.parametrize("answer", [None, [], "text", {"name": "no id"}, {"id": 7}])
def test_an_answer_that_is_not_a_query_is_refused(answer: Any) -> None:
    with pytest.raises(NotDataError):
        Query.read(answer)


@pytest.mark.parametrize("value", [None, True, "soon", -5, 10**30, [], 1e400])
def test_invalid_times_and_counts_are_unknown_and_not_an_error(value: Any) -> None:
    odd = query(status="running", start=value, estimated_completion=value, chunks=value)
    assert odd.start is None
    assert job_status(odd, None, "", NOW).retry_after == 60


def test_times_given_as_strings_are_read() -> None:
    assert query(start="1325376001").start == datetime.fromtimestamp(1325376001, UTC)


def test_status_over_http_follows_the_query(world: Start) -> None:
    here = world(interactions=1000, days=4, step=250, waiting=0, quiet_every=0)
    first = here.status()
    list(here.fetch())
    last = here.status()
    assert first.state is JobState.RUNNING
    assert last.state is JobState.READY
    assert [slot.records for slot in last.slots] == [250] * 4
    assert last.totals.records == 1000
    assert last.warnings == ()


def test_the_status_says_if_a_query_has_no_subscription(world: Start) -> None:
    here = world()
    lonely = next(q for q in here.emulator.queries.values() if q.name == "listed-1")
    status = here.status(id=lonely.id)
    assert status.state is JobState.PENDING
    assert_messages(status.warnings, ("", lonely.id, "push/create"))


def test_a_wrong_count_causes_a_warning(world: Start) -> None:
    assert world().status().warnings == ()
    assert len(world(miscount=5).status().warnings) == 1

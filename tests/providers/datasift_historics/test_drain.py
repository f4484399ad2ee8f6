"""Draining the queue: every interaction exactly once, whatever happens."""

import logging
import threading
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul import (
    IDLE,
    AuthError,
    BackhaulError,
    Chunk,
    Http,
    NotDataError,
    NotFoundError,
    ProviderError,
    ThrottledError,
)
from backhaul_datasift_historics.api import Api
from backhaul_datasift_historics.drain import Drain
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator
from backhaul_datasift_historics.options import DatasiftSource
from backhaul_datasift_historics.position import Position

World = Any
Start = Callable[..., World]


def split(data: bytes) -> list[bytes]:
    return data.split(b"\n")[:-1]


def lines(chunks: Iterable[Chunk]) -> list[bytes]:
    return split(b"".join(chunk.data for chunk in chunks))


@pytest.mark.parametrize("form", ["json_meta", "json_array", "json_new_line"])
def test_every_format_becomes_the_same_lines_byte_for_byte(world: Start, form: str) -> None:
    here = world(form=form, interactions=300)
    assert lines(here.fetch()) == here.expected()


def test_a_running_query_is_drained_to_its_end(world: Start) -> None:
    here = world(interactions=3000, step=170, quiet_every=3, waiting=4)
    assert here.status().state == "pending"
    assert lines(here.fetch()) == here.expected()
    assert 204 in {entry.status for entry in here.emulator.requests}
    assert here.status().state == "ready"


def test_the_end_is_a_204_after_both_the_query_and_its_subscription_are_over(world: Start) -> None:
    here = world(interactions=900, step=200, early=True)
    list(here.fetch())
    paths = here.paths()
    over = len(paths) - 1 - paths[::-1].index("historics/get")
    assert paths[over - 1 : over + 2] == ["push/get", "historics/get", "pull"]
    after = [entry.status for entry in here.emulator.requests[over + 1 :]]
    assert after[-1] == 204
    assert set(after[:-1]) <= {200}


def test_data_left_in_the_queue_at_the_end_is_fetched(world: Start) -> None:
    # The query ends after the first pull, with data for four more pulls in the queue.
    here = world(interactions=500, step=500, early=True, quiet_every=2)
    got = b"".join(chunk.data for chunk in here.fetch(pull_size=40_000))
    assert split(got) == here.expected()


def test_a_204_yields_idle(world: Start) -> None:
    here = world(interactions=400, step=100, waiting=2, quiet_every=2)
    answers = []
    for chunk in here.fetch():
        if chunk is IDLE:
            pulls = [entry for entry in here.emulator.requests if entry.path.endswith("/pull")]
            answers.append(pulls[-1].status)
    assert len(answers) > 2
    assert set(answers) == {204}


def test_the_first_pull_of_a_resumed_drain_does_not_look_like_an_empty_queue(world: Start) -> None:
    here = world(interactions=100, waiting=0, step=None)
    stored = next(iter(here.fetch())).cursor
    first = next(iter(here.fetch(stored)))
    assert first is not IDLE
    assert first.cursor != stored


def test_a_pull_requests_at_most_pull_size(world: Start) -> None:
    here = world(interactions=200, step=None, waiting=0, quiet_every=0)
    sizes = [len(chunk.data) for chunk in here.fetch(pull_size=5000) if chunk.data]
    assert len(sizes) > 5
    assert max(sizes) < 6000


def test_every_pull_but_the_first_names_its_cursor(world: Start) -> None:
    here = world(interactions=500)
    list(here.fetch())
    pulls = [parse_qs(e.query) for e in here.emulator.requests if e.path.endswith("/pull")]
    assert "cursor" not in pulls[0]
    assert pulls[0]["size"] == ["1"]
    assert all("cursor" in pull for pull in pulls[1:])


def test_a_cursor_is_sent_only_after_its_chunk_was_taken(world: Start) -> None:
    here = world(interactions=500, step=None, waiting=0, quiet_every=0)
    for chunk in here.fetch(pull_size=20_000):
        cursor = Position.read(chunk.cursor or "").cursor
        sent = [e.query for e in here.emulator.requests if e.path.endswith("/pull")]
        assert cursor is None or not any(f"cursor={cursor}" in query for query in sent)


def test_the_subscription_of_the_cursor_is_kept_when_a_newer_one_appears(world: Start) -> None:
    here = world(interactions=300, step=None, waiting=0)
    taken = []
    for chunk in here.fetch(pull_size=20_000):
        taken.append(chunk)
        if chunk.data:
            break
    newer = dict(here.emulator.main.subscription(), id="f" * 32, created_at=2_000_000_000)
    here.emulator.more_subscriptions.append(newer)
    assert here.file().meta["subscription"] == "f" * 32
    taken += here.fetch(taken[-1].cursor)
    assert split(b"".join(chunk.data for chunk in taken)) == here.expected()


def test_another_subscription_than_the_stored_one_is_refused(world: Start) -> None:
    here = world()
    newer = dict(here.emulator.main.subscription(), id="f" * 32)
    here.emulator.more_subscriptions.append(newer)
    with pytest.raises(ProviderError, match="f" * 32):
        here.fetch("0" * 32 + ":abc", subscription="f" * 32)


def drain_with_crashes(
    start: Callable[[str | None], Iterable[Chunk]], fates: list[str]
) -> list[bytes]:
    """The durable data when the process dies as specified: 'lost' in flight, 'kept' once stored."""
    stored: list[bytes] = []
    cursor: str | None = None
    remaining = list(fates)
    while True:
        whole = True
        for chunk in start(cursor):
            # The first pull's window has its own test.
            safe = Position.read(cursor or "").cursor is not None
            first = bool(chunk.cursor) and not chunk.data
            fate = remaining.pop(0) if remaining and safe and not first else "go on"
            if fate != "lost" and chunk is not IDLE:
                stored.append(chunk.data)
                cursor = chunk.cursor
            if fate in {"lost", "kept"}:
                whole = False
                break
        if whole:
            return split(b"".join(stored))


FATES = {
    "fates": st.lists(st.sampled_from(["lost", "kept", "go on"]), max_size=12),
    "step": st.integers(5, 300),
    "quiet": st.integers(0, 4),
    "size": st.integers(1, 60_000),
    "form": st.sampled_from(["json_meta", "json_array", "json_new_line"]),
    "early": st.booleans(),
}


def arrives_exactly_once(
    fates: list[str], step: int, quiet: int, size: int, form: str, *, early: bool
) -> None:
    if quiet == 1:
        quiet = 0  # each pull would find nothing
    knobs: dict[str, Any] = {"step": step, "quiet_every": quiet, "form": form, "early": early}
    with (
        DatasiftHistoricsEmulator(
            interactions=120, pulls_per_second=1e5, budget=10**6, **knobs
        ) as emulator,
        Http() as http,
    ):
        given_source = emulator.source()
        del given_source["provider"]
        source = DatasiftSource.model_validate(given_source)
        subscription = emulator.main.subscription_id

        def start(cursor: str | None) -> Iterable[Chunk]:
            position = Position.read(cursor) if cursor else Position(subscription)
            drain = Drain(
                api=Api(http, source),
                query=emulator.main.id,
                position=position,
                size=size,
                gap=0.0,
                poll=0.001,
            )
            return drain.chunks(begun=cursor is not None)

        assert emulator.main.feed is not None
        assert drain_with_crashes(start, fates) == list(emulator.main.feed.delivered())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**FATES)
def test_each_interaction_arrives_exactly_once_wherever_it_crashes(**fate: Any) -> None:
    arrives_exactly_once(**fate)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**FATES)
def test_each_interaction_arrives_exactly_once_however_often_it_crashes(**fate: Any) -> None:
    arrives_exactly_once(**fate)


def test_a_crash_during_the_first_pull_of_an_empty_queue_costs_nothing(world: Start) -> None:
    here = world(interactions=100, waiting=3)
    for chunk in here.fetch():
        if Position.read(chunk.cursor or "").cursor is not None:
            break  # it dies before the queue's first chunk is stored
    got = b"".join(chunk.data for chunk in here.fetch())
    assert split(got) == here.expected()


def test_a_crash_during_the_first_pull_of_a_full_queue_costs_one_interaction_and_is_reported(
    world: Start, caplog: pytest.LogCaptureFixture
) -> None:
    here = world(interactions=100, waiting=0, step=None)
    stored = None
    for chunk in here.fetch():
        if Position.read(chunk.cursor or "").cursor is not None:
            break
        stored = chunk.cursor
    with caplog.at_level(logging.WARNING):
        got = b"".join(chunk.data for chunk in here.fetch(stored))
    assert split(got) == here.expected()[1:]
    assert [each.levelname for each in caplog.records] == ["WARNING"]


def test_the_data_of_the_first_pull_is_stored_and_not_requested_again(world: Start) -> None:
    here = world(interactions=100, waiting=0, step=None)
    first = next(chunk for chunk in here.fetch() if chunk.data)
    assert split(first.data) == here.expected()[:1]
    assert here.paths().count("pull") == 1
    rest = [chunk.data for chunk in here.fetch(first.cursor)]
    assert split(first.data + b"".join(rest)) == here.expected()
    pulls = [parse_qs(e.query) for e in here.emulator.requests if e.path.endswith("/pull")]
    assert pulls[1]["cursor"] == [Position.read(first.cursor or "").cursor]


@pytest.mark.parametrize("fault", ["corrupt", "truncated"])
def test_a_first_answer_that_is_damaged_is_pulled_again_by_its_cursor(
    world: Start, fault: str
) -> None:
    here = world(interactions=50, waiting=0, step=None, faults=f"api/{fault}:1x@*/pull*")
    assert lines(here.fetch()) == here.expected()
    assert here.emulator.faults.hits() == 1


def test_a_lost_response_to_the_first_pull_is_an_error_and_not_requested_again(
    world: Start,
) -> None:
    here = world(interactions=50, waiting=0, step=None, faults="api/drop=0:1@*/pull")
    with pytest.raises(Exception, match="pull"):
        list(here.fetch())
    assert here.paths().count("pull") == 1


@pytest.mark.parametrize(
    "fault", ["503=0:1", "drop=9000:1", "truncated:1", "corrupt:1", "html_200:1"]
)
def test_a_damaged_answer_is_pulled_again_from_the_same_cursor(world: Start, fault: str) -> None:
    here = world(interactions=400, step=None, waiting=1, faults=f"api/{fault}@*cursor=*")
    assert lines(here.fetch()) == here.expected()
    assert here.emulator.faults.hits() > 0


def test_lines_that_are_damaged_each_time_are_passed_on_as_received_and_marked(
    world: Start, caplog: pytest.LogCaptureFixture
) -> None:
    here = world(interactions=400, step=None, waiting=1, faults="api/corrupt:3x@*cursor=*")
    chunks = [chunk for chunk in here.fetch(pull_size=20_000) if chunk.data]
    assert len(chunks) > 2
    assert [chunk.damaged for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    got = lines(chunks)
    assert len(got) == 400
    assert sum(a != b for a, b in zip(got, here.expected(), strict=True)) in {1, 2}
    assert "WARNING" in {each.levelname for each in caplog.records}


def test_a_response_that_is_complete_at_the_last_attempt_is_not_marked(world: Start) -> None:
    here = world(interactions=400, step=None, waiting=1, faults="api/corrupt:2x@*cursor=*")
    chunks = list(here.fetch())
    assert here.emulator.faults.hits() == 2
    assert not any(chunk.damaged for chunk in chunks)
    assert lines(chunks) == here.expected()


def test_attempts_are_counted_even_if_the_queue_is_empty_in_between(world: Start) -> None:
    # While the query runs, every second pull finds nothing.
    here = world(interactions=600, step=100, quiet_every=2, faults="api/corrupt:all@*cursor=*")
    chunks = [chunk for chunk in here.fetch() if chunk.data]
    assert sum(len(lines([chunk])) for chunk in chunks) == 600
    assert all(chunk.damaged for chunk in chunks)


def test_a_queue_that_refuses_for_too_long_is_throttled(world: Start) -> None:
    here = world(interactions=100, waiting=1, pulls_per_second=0.0001, too_fast=403)
    drain = Drain(
        api=Api(here.http, here.source(patience="0.3s")),
        query=here.emulator.main.id,
        position=Position(here.emulator.main.subscription_id),
        size=1000,
        gap=0.0,
        poll=0.2,
    )
    with pytest.raises(ThrottledError):
        list(drain.chunks(begun=False))
    refused = [entry for entry in here.emulator.requests if entry.status == 403]
    assert len(refused) == 2, "at once, and after 0.2 s; a third would be too late"


def test_data_that_is_damaged_every_time_is_an_error(world: Start) -> None:
    here = world(interactions=400, step=None, waiting=1, faults="api/html_200:all@*cursor=*")
    with pytest.raises(NotDataError, match="html"):
        list(here.fetch())


def test_a_cursor_older_than_the_queue_continues_with_what_is_left_and_reports_it(
    world: Start, caplog: pytest.LogCaptureFixture
) -> None:
    here = world(interactions=200, step=None, waiting=1, quiet_every=0)
    feed = here.emulator.main.feed
    before = []
    for chunk in here.fetch(pull_size=10_000):
        before.append(chunk)
        if chunk.data:
            break
    first = len(lines(before))
    here.status()
    # More was delivered, to a run that died before storing it, two hours ago.
    _, second = feed.pull(10_000, first)
    feed.note_sent(second)
    feed.given = [(moment - 7200, end) for moment, end in feed.given]
    with caplog.at_level(logging.WARNING):
        after = lines(here.fetch(before[-1].cursor, pull_size=10_000))
    assert "more than an hour ago" in caplog.text
    assert lines(before) == here.expected()[:first]
    assert after == here.expected()[second:]


def test_a_stop_ends_the_wait_at_an_empty_queue(world: Start) -> None:
    here = world(interactions=1000, step=1, quiet_every=2, waiting=10_000)
    stop = threading.Event()
    with Http(stop=stop) as http:
        drain = Drain(
            api=Api(http, here.source()),
            query=here.emulator.main.id,
            position=Position(here.emulator.main.subscription_id),
            size=1000,
            gap=0.0,
            poll=600.0,
        )
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(BackhaulError, match="interrupted"):
            list(drain.chunks(begun=False))


@pytest.mark.parametrize("ends", ["stopped", "killed", "failed"])
def test_data_delivered_by_an_ended_query_is_fetched(world: Start, ends: str) -> None:
    here = world(interactions=200, ends=ends)
    assert lines(here.fetch()) == here.expected()
    assert len(here.expected()) == 100


def test_lost_interactions_leave_the_others_intact(world: Start) -> None:
    here = world(interactions=200, lost=7)
    got = lines(here.fetch())
    assert got == here.expected()
    assert len(got) == 193
    assert any("lost_data" in warning for warning in here.status().warnings)


@pytest.mark.parametrize("too_fast", [429, 403])
def test_the_pull_rate_stays_within_the_limit(world: Start, too_fast: int) -> None:
    here = world(interactions=400, step=60, waiting=0, pulls_per_second=40.0, too_fast=too_fast)
    drain = Drain(
        api=Api(here.http, here.source()),
        query=here.emulator.main.id,
        position=Position(here.emulator.main.subscription_id),
        size=20_000,
        gap=1 / 40 + 0.002,
        poll=0.01,
    )
    assert len(lines(drain.chunks(begun=False))) > 0
    assert too_fast not in {entry.status for entry in here.emulator.requests}


def test_a_pull_refused_as_too_fast_waits_and_continues(world: Start) -> None:
    here = world(interactions=300, step=40, waiting=1, pulls_per_second=5.0, too_fast=403)
    assert lines(here.fetch(poll="0.3s")) == here.expected()
    assert 403 in {entry.status for entry in here.emulator.requests}


def test_status_calls_without_budget_do_not_stop_the_pulls(world: Start) -> None:
    # Three gets at 25 points and some at 1, then nothing for two seconds; pulls are free.
    here = world(interactions=2000, step=20, quiet_every=2, budget=60, period=1.0)
    got = here.fetch()
    assert split(b"".join(chunk.data for chunk in got)) == here.expected()


def test_an_invalid_response_to_a_status_call_does_not_end_the_drain(
    world: Start,
) -> None:
    here = world(interactions=500, step=50, quiet_every=2)
    got = []
    for chunk in here.fetch():
        got.append(chunk)
        if len(got) == 1:
            here.emulator.faults.replace("api/html_200:2x@*/push/get*")
    assert lines(got) == here.expected()
    assert here.emulator.faults.hits() == 2


def test_a_subscription_that_is_gone_is_named(world: Start) -> None:
    here = world()
    drain = Drain(
        api=Api(here.http, here.source()),
        query=here.emulator.main.id,
        position=Position("ab" * 16, "0" * 32),
        size=1000,
        gap=0.0,
        poll=0.01,
    )
    with pytest.raises(NotFoundError, match="ab" * 16):
        list(drain.chunks(begun=True))


def test_a_subscription_that_never_finishes_does_not_hold_an_empty_queue_forever(
    world: Start, caplog: pytest.LogCaptureFixture
) -> None:
    here = world(interactions=50, step=None, stuck=True)
    main = here.emulator.main
    drain = Drain(
        api=Api(here.http, here.source()),
        query=main.id,
        position=Position(main.subscription_id),
        size=100_000,
        gap=0.0,
        poll=0.01,
        linger=0.05,
    )
    with caplog.at_level(logging.WARNING):
        got = b"".join(chunk.data for chunk in drain.chunks(begun=False))
    assert split(got) == here.expected()
    assert [each.levelname for each in caplog.records] == ["WARNING"]


@pytest.mark.matrix
def test_memory_does_not_grow_with_the_number_of_interactions(world: Start) -> None:
    here = world(interactions=20_000, step=None, waiting=1, quiet_every=0)
    total = 0
    tracemalloc.start()
    try:
        for chunk in here.fetch(pull_size="64K"):
            total += len(chunk.data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > 5_000_000
    assert peak < 2_000_000


def test_wrong_credentials_are_an_auth_error(world: Start) -> None:
    here = world()
    source = here.source(api_key="wrong")
    with pytest.raises(AuthError, match="401"):
        Api(here.http, source).query(here.emulator.main.id)


def test_a_throttled_first_pull_is_repeated(world: Start) -> None:
    here = world(interactions=50, faults="api/429=0:1@*/pull")
    assert len(lines(here.fetch())) >= 50
    assert 429 in {entry.status for entry in here.emulator.requests}

"""The hourly budget: paced by the headers, and the meaning of a 403."""

import math
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul import AuthError, ThrottledError
from backhaul_datasift_historics.api import Api
from backhaul_datasift_historics.budget import Budget

Start = Callable[..., Any]


def headers(limit: int, remaining: int, cost: int, ttl: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Cost": str(cost),
        "X-RateLimit-Reset-Ttl": str(ttl),
    }


def read(limit: int, remaining: int, cost: int, ttl: int) -> Budget:
    budget = Budget.read(headers(limit, remaining, cost, ttl))
    assert budget is not None
    return budget


def test_a_full_budget_delays_no_call() -> None:
    assert read(10_000, 9_975, 25, 3600).wait(25) == 0


def test_a_call_that_costs_more_than_is_left_waits_for_the_reset() -> None:
    assert read(10_000, 24, 25, 1200).wait(25) == 1200
    assert read(10_000, 24, 25, 1200).wait(1) < 60


@given(
    remaining=st.integers(25, 2000),
    cost=st.sampled_from([1, 5, 25]),
    ttl=st.floats(1, 3600),
)
def test_calls_at_the_requested_pace_never_exhaust_the_budget(
    remaining: int, cost: int, ttl: float
) -> None:
    clock, left, reset = 0.0, remaining - cost, ttl
    for _ in range(300):
        clock += read(2000, left, cost, math.ceil(reset - clock)).wait(cost) + 0.001
        if clock >= reset:
            left, reset = 2000, reset + 3600
        assert left >= cost
        left -= cost


@pytest.mark.parametrize(
    "given_headers", [{}, {"X-RateLimit-Remaining": "soon", "X-RateLimit-Cost": "25"}]
)
def test_responses_without_valid_rate_headers_have_no_budget(given_headers: dict[str, str]) -> None:
    assert Budget.read(given_headers) is None


def test_a_403_above_the_budget_waits_for_the_reset(world: Start) -> None:
    here = world(budget=30, period=1.0)
    api = Api(here.http, here.source())
    start = monotonic()
    api.query(here.emulator.main.id)
    api.query(here.emulator.main.id)
    assert monotonic() - start >= 0.9


def test_a_reset_beyond_the_patience_is_throttling_with_its_time(world: Start) -> None:
    here = world(budget=10, period=3000.0)
    with pytest.raises(ThrottledError, match="Rate limit exceeded") as caught:
        Api(here.http, here.source(patience="10s")).query(here.emulator.main.id)
    assert 2900 < (caught.value.retry_after or 0) <= 3001


def test_no_call_is_made_if_the_budget_is_known_to_be_too_small(world: Start) -> None:
    here = world(budget=40, period=3000.0)
    api = Api(here.http, here.source(patience="1s"))
    api.query(here.emulator.main.id)
    with pytest.raises(ThrottledError):
        api.query(here.emulator.main.id)
    assert here.paths() == ["historics/get"]


def test_a_403_within_the_budget_is_forbidden_with_the_text_quoted(world: Start) -> None:
    here = world(faults="api/denied:all@*/historics/get*")
    with pytest.raises(AuthError, match="Access Denied"):
        Api(here.http, here.source()).query(here.emulator.main.id)


def test_the_calls_of_a_listing_do_not_exhaust_the_budget(world: Start) -> None:
    here = world(listed=900, budget=260, period=1.0)
    listed = list(Api(here.http, here.source()).queries())
    assert len(listed) == 902
    assert {entry.status for entry in here.emulator.requests} == {200}

"""Retry delays."""

import email.utils
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul import Pace
from backhaul.backoff import CAP, delay, parse_retry_after
from backhaul.http.pacing import Pacer

NOW = 1_480_000_000.0


def test_the_wait_doubles_up_to_the_cap() -> None:
    waits = [delay(attempt, rng=lambda: 1.0) for attempt in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_half_of_the_wait_is_random(attempt: int, chance: float) -> None:
    longest = delay(attempt, rng=lambda: 1.0)
    assert longest / 2 <= delay(attempt, rng=lambda: chance) <= longest <= CAP


@given(st.floats(0, 1e6), st.floats(0, 1))
def test_a_retry_is_never_earlier_than_the_server_asks(wish: float, chance: float) -> None:
    assert wish <= delay(3, wish, rng=lambda: chance) <= wish + 0.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0),
        ("Thursday, 24-Nov-16 15:07:50 GMT", 70),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_both_forms(value: Any, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_seconds_or_nothing(value: Any) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_turns_are_one_interval_apart() -> None:
    pacer = Pacer(Pace(2), clock=Clock())
    assert [pacer.reserve("a") for _ in range(4)] == [0, 0.5, 1, 1.5]


def test_a_burst_is_available_again_after_a_pause_but_no_more() -> None:
    clock = Clock()
    pacer = Pacer(Pace(1, burst=3), clock=clock)
    assert [pacer.reserve("a") for _ in range(4)] == [0, 0, 0, 1]
    clock.now += 1000
    assert [pacer.reserve("a") for _ in range(4)] == [0, 0, 0, 1]


def test_without_a_pace_there_is_no_wait() -> None:
    pacer = Pacer(None, clock=Clock())
    assert [pacer.reserve("a") for _ in range(100)] == [0] * 100


def test_a_pause_applies_only_to_its_origin() -> None:
    pacer = Pacer(None, clock=Clock())
    pacer.hold(5, "a")
    assert (pacer.reserve("a"), pacer.reserve("b")) == (5, 0)


def test_clients_with_the_same_pace_share_it() -> None:
    one, two = Pacer.shared(Pace(0.125)), Pacer.shared(Pace(0.125))
    assert (one.reserve("a"), two.reserve("a")) == (0, pytest.approx(8, abs=0.1))
    assert Pacer.shared(Pace(0.126)).reserve("a") == 0


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    pacer = Pacer(None, clock=Clock())
    pacer.hold(5, "a")
    pacer.hold(1, "a")
    assert pacer.reserve("a") == 5

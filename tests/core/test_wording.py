"""Formatting of sizes, durations, times and numbers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from backhaul.options import parse_bytes
from backhaul.wording import (
    clock,
    count,
    day_or_time,
    human,
    iso,
    people_time,
    periods,
    span,
    until,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "less than 1 s"), (45, "45 s"), (150, "2 min 30 s"), (12_000, "3 h 20 min"), (3e5, "3 days 11 h"), (1_240_000, "14 days")],
)  # fmt: skip
def test_a_duration_has_at_most_two_parts(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (750, "12:30"), (11_045, "3:04:05")])
def test_a_narrow_duration_looks_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_numbers_are_grouped_and_one_is_singular() -> None:
    assert (count(1, "file"), count(12_960, "file")) == ("1 file", "12,960 files")


def test_midnight_is_shown_as_a_date() -> None:
    assert day_or_time("2016-12-01T00:00:00Z") == "2016-12-01"
    assert day_or_time("2016-12-01T06:10:00Z") == "2016-12-01T06:10Z"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (3_355_443, "3.2 MiB"),
        (5000 << 40, "5000.0 TiB"),
    ],
)
def test_a_size_is_shown_in_the_units_of_the_settings(size: float, text: str) -> None:
    assert human(size) == text
    if size:
        assert parse_bytes(text) == pytest.approx(size, rel=0.01)


def test_a_time_is_described_relative_to_now() -> None:
    now = datetime(2016, 12, 1, tzinfo=UTC)

    assert until(now + timedelta(days=3, hours=4), now) == "in 3 days 4 h"
    assert until(now - timedelta(minutes=2), now) == "2 min 0 s ago"


@pytest.mark.parametrize(
    "every",
    [
        timedelta(minutes=10),
        timedelta(hours=5),
        timedelta(days=1),
        timedelta(days=3),
        timedelta(seconds=0.25),
    ],
)
@pytest.mark.parametrize("first", [timedelta(0), timedelta(hours=3, minutes=7, seconds=0.5)])
def test_the_slots_of_a_range_are_written_like_each_time(
    every: timedelta, first: timedelta
) -> None:
    start = datetime(2024, 2, 28, tzinfo=UTC) + first
    end = start + 400 * every + every / 2
    starts = [start + number * every for number in range(401)]
    for form in (iso, people_time):
        texts = [form(time) for time in (*starts, end)]
        assert list(periods(start, end, every, form)) == list(pairwise(texts))
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert len(list(periods(last - every / 2, last, every))) == 1


def test_a_short_range_formats_only_its_own_times() -> None:
    formatted = []

    def form(time: datetime) -> str | None:
        formatted.append(time)
        return iso(time)

    start = datetime(2024, 2, 28, tzinfo=UTC)
    assert len(list(periods(start, start + timedelta(seconds=2), timedelta(seconds=1), form))) == 2
    assert len(formatted) == 3

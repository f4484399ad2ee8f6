"""Formatting of sizes, durations, times and numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from backhaul.options import parse_bytes
from backhaul.wording import clock, count, day_or_time, human, span, until


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "less than 1 s"), (45, "45 s"), (150, "2 min 30 s"), (12_000, "3 h 20 min"), (3e5, "3 days 11 h"), (1_240_000, "14 days")],
)  # fmt: skip
def test_a_length_of_time_has_two_parts_at_most(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (750, "12:30"), (11_045, "3:04:05")])
def test_a_narrow_length_of_time_is_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_numbers_are_grouped_and_one_is_one() -> None:
    assert (count(1, "file"), count(12_960, "file")) == ("1 file", "12,960 files")


def test_a_midnight_is_its_day() -> None:
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
def test_a_size_is_shown_in_the_unit_that_it_is_read_in(size: float, text: str) -> None:
    assert human(size) == text
    if size:
        assert parse_bytes(text) == pytest.approx(size, rel=0.01)


def test_a_moment_is_told_by_how_far_away_it_is() -> None:
    now = datetime(2016, 12, 1, tzinfo=UTC)

    assert until(now + timedelta(days=3, hours=4), now) == "in 3 days 4 h"
    assert until(now - timedelta(minutes=2), now) == "2 min 0 s ago"

"""Slots from minutes to years, and which of them are due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backhaul import SlotState
from backhaul_http_archives.periods import Every
from backhaul_http_archives.windows import Window

NO = timedelta(0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "start"),
    [
        ("10m", "2026-03-05T07:00"),
        ("1h", "2026-03-05T07:00"),
        ("6h", "2026-03-05T06:00"),
        ("1d", "2026-03-05"),
        ("1w", "2026-03-02"),  # a Monday
        ("1mo", "2026-03-01"),
        ("3mo", "2026-01-01"),
        ("1y", "2026-01-01"),
        ("10y", "2020-01-01"),
    ],
)
def test_slots_are_aligned(every: str, start: str) -> None:
    assert Every.parse(every).floor(at("2026-03-05T07:08:09")) == at(start)


def test_months_and_years_follow_the_calendar() -> None:
    month = Every.parse("1mo")
    ends = [end for _, end in month.slots(at("2023-12-01"), at("2024-04-01"))]
    assert ends == [at("2024-01-01"), at("2024-02-01"), at("2024-03-01"), at("2024-04-01")]
    assert Every.parse("1y").after(at("2024-01-01")) == at("2025-01-01")


@pytest.mark.parametrize("wrong", ["1M", "0h", "h", "1.5h", "-1h", 5, None, "1h30m", "101y", True])
def test_an_invalid_length_is_refused_with_advice(wrong: Any) -> None:
    with pytest.raises(ValueError, match="10m, 1h, 1d"):
        Every.parse(wrong)


def window(every: str, start: str, end: str, now: str, lag: timedelta = NO) -> Window:
    return Window.of(Every.parse(every), at(start), at(end), lag=lag, now=at(now))


def test_a_slot_is_included_if_its_start_is_in_the_window() -> None:
    found = window("1h", "2026-01-01T00:30", "2026-01-01T03:30", "2027-01-01")
    assert [start.hour for start, _ in found.slots()] == [1, 2, 3]
    assert window("1mo", "2026-01-15", "2026-01-20", "2027-01-01").first == at("2026-02-01")


@pytest.mark.parametrize(
    ("now", "due"),
    [("04:59", 2), ("05:00", 3), ("05:59", 3), ("06:00", 4), ("00:00", 0), ("23:00", 4)],
)
def test_a_slot_is_due_once_its_lag_has_passed(now: str, due: int) -> None:
    lag = timedelta(hours=2)
    found = window("1h", "2026-01-01", "2026-01-01T04:00", f"2026-01-01T{now}", lag)
    assert len(list(found.slots())) == due
    assert found.count(found.first, found.due) == due


def test_a_slot_that_is_not_due_is_pending() -> None:
    found = window("1d", "2026-01-01", "2026-01-08", "2026-01-04T12:00")
    assert [(run.start, run.end, run.state) for run in found.runs(NO)] == [
        (at("2026-01-01"), at("2026-01-04"), None),
        (at("2026-01-04"), at("2026-01-08"), SlotState.PENDING),
    ]
    months = window("1mo", "2026-01-01", "2026-04-01", "2026-02-10").runs(NO)
    assert [run.state for run in months] == [None, SlotState.PENDING, SlotState.PENDING]


def test_a_window_in_which_no_slot_starts_is_empty() -> None:
    assert window("1mo", "2026-01-15", "2026-01-20", "2027-01-01").runs(NO) == ()
    assert list(window("1h", "2030-01-01", "2031-01-01", "2026-01-01").slots()) == []

"""Numbers and times are parsed leniently; invalid ones are unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul_gnip_hpt.numbers import instant, minute, number, whole


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (11860, 11860),
        ("11860", 11860),
        (" 6 ", 6),
        ("6.0", 6),
        (6.0, 6),
        ("11,860", 11860),
        (0, 0),
        ("900100200300400500", 900100200300400500),
        (1e300, None),
        (10**30, None),
        ("1e300", None),
        ("1" * 30, None),
        (-1, None),
        ("-1", None),
        (5.07, None),
        ("5.07", None),
        (None, None),
        (True, None),
        ("", None),
        ("many", None),
        (float("nan"), None),
        ("inf", None),
        ([], None),
    ],
)
def test_a_count_may_be_a_number_or_a_string(value: Any, count: int | None) -> None:
    assert whole(value) == count


@pytest.mark.parametrize(
    ("value", "read"), [("5.07", 5.07), ("1.0", 1.0), (95, 95.0), (None, None), (False, None)]
)
def test_a_number_may_be_a_string(value: Any, read: float | None) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    "text",
    [
        "2014-05-19T22:30:13Z",
        "2014-05-19T22:30:13+00:00",
        "2014-05-19T23:30:13+01:00",
        "2014-05-19T17:00:13-0530",
        "2014-05-19T22:30:13.250Z",
        "2014-05-19 22:30:13",
        "2014-05 19T22:30:13Z",
    ],
)
def test_a_time_is_read_in_utc_even_with_a_space_for_a_dash(text: str) -> None:
    assert instant(text) == datetime(2014, 5, 19, 22, 30, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [None, "", "soon", "2014-13-01T00:00:00Z", 1400538613, "0001-01-01T00:00:00+23:59"]
)
def test_an_invalid_time_is_unknown(value: Any) -> None:
    assert instant(value) is None


@pytest.mark.parametrize("value", ["201405171800", 201405171800])
def test_a_period_is_read_to_the_minute(value: Any) -> None:
    assert minute(value) == datetime(2014, 5, 17, 18, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "2014-05-17", "201413010000", "201405172400", True])
def test_a_value_that_is_not_a_minute_is_unknown(value: Any) -> None:
    assert minute(value) is None


_JSON = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
)


@given(_JSON)
def test_no_value_raises_an_error(value: Any) -> None:
    count = whole(value)
    assert count is None or count >= 0
    for read in (number, instant, minute):
        read(value)


@given(st.integers(min_value=0, max_value=10**17))
def test_a_count_as_a_string_is_read_the_same(value: int) -> None:
    assert whole(value) == whole(str(value)) == value

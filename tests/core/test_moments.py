"""Days, times, now, today and offsets."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backhaul import JobOptions, Moment

NOW = datetime(2026, 3, 5, 7, 8, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("now", NOW),
        ("today", datetime(2026, 3, 5, tzinfo=UTC)),
        ("-7d", datetime(2026, 2, 26, 7, 8, 9, 10, tzinfo=UTC)),  # not rounded
        ("+1d12h", datetime(2026, 3, 6, 19, 8, 9, 10, tzinfo=UTC)),
        ("2016-12-01", datetime(2016, 12, 1, tzinfo=UTC)),
        ("2016-12-01T06:30:00+02:00", datetime(2016, 12, 1, 4, 30, tzinfo=UTC)),
        ("-900000w", datetime(1, 1, 2, tzinfo=UTC)),
        ("+900000w", datetime(9998, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_moment_resolves_to_a_time(value: str, time: datetime) -> None:
    assert Moment.parse(value).at(NOW) == time


@pytest.mark.parametrize(
    "value", ["yesterday", "-7", "7d", "- 7d", "", 7, None, True, "--7d", "-7mo"]
)
def test_anything_else_is_refused_with_advice(value: Any) -> None:
    with pytest.raises(ValueError, match="-7d"):
        Moment.parse(value)


def test_it_is_an_option_and_is_dumped_as_it_was_written() -> None:
    class Job(JobOptions):
        start: Moment

    job = Job.model_validate({"start": "-7d"})
    assert job.model_dump() == {"start": "-7d"}
    assert Job.model_validate(job.model_dump()) == job
    assert Job.model_json_schema()["properties"]["start"]["type"] == "string"

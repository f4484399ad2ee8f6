"""Stream metadata: valid YAML jobs and the resulting requests."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from backhaul_massrelevance_meta.options import MassRelevanceSource, MetaJob
from backhaul_massrelevance_meta.params import MetaParams

FINISH = datetime(2012, 10, 3, 15, 38, 14, tzinfo=UTC)


def a_job(**keys: object) -> MetaJob:
    return MetaJob.model_validate({"stream": "kindle", **keys})


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, "finish=1349278694"),
        ({"num_minutes": 1440, "num_days": 7}, "num_minutes=1440&num_days=7&finish=1349278694"),
        ({"activity": 0}, "activity=0&finish=1349278694"),
        (
            {"top_periods": "a,20120926,2012092616"},
            "top_periods=a,20120926,2012092616&finish=1349278694",
        ),
        ({"top_periods": ["a", "2012092616"]}, "top_periods=a,2012092616&finish=1349278694"),
        ({"top_moments_relative": [1, 2]}, "top_moments_relative=1,2&finish=1349278694"),
        ({"top_moments_relative": 0}, "top_moments_relative=0&finish=1349278694"),
        ({"disregard": "obama,st. john&co"}, "disregard=obama,st.%20john%26co&finish=1349278694"),
        ({"tweet_mode": "extended"}, "tweet_mode=extended&finish=1349278694"),
    ],
)
def test_parameters_are_sent_by_their_own_names_with_finish_last(
    params: dict[str, object], query: str
) -> None:
    assert MetaParams.model_validate(params).query(FINISH) == query


def test_every_documented_parameter_is_accepted() -> None:
    documented = (
        "num_minutes num_hours num_days activity finish top_periods top_periods_relative top_count "
        "num_hashtags num_links num_contributors num_trends disregard top_moments "
        "top_moments_relative top_moments_count networks"
    )
    assert set(documented.split()) <= set(MetaParams.model_fields)


@pytest.mark.parametrize(
    ("params", "where", "kind", "named"),
    [
        ({"num_minutes": 0}, "num_minutes", "greater_than", "0"),
        ({"num_hours": -1}, "num_hours", "greater_than", "0"),
        ({"num_days": "7"}, "num_days", "int_type", ""),
        ({"top_count": 0}, "top_count", "greater_than", "0"),
        ({"activity": 2}, "activity", "less_than_equal", "1"),
        ({"activity": True}, "activity", "int_type", ""),
        ({"finish": 1349278694123}, "finish", "value_error", " 1349278694"),
        ({"top_periods": 2012070412}, "top_periods", "value_error", ""),
        ({"top_periods": "2012133112"}, "top_periods", "value_error", "'2012133112'"),
        ({"top_periods": "a,"}, "top_periods", "value_error", "''"),
        ({"top_moments": "b"}, "top_moments", "value_error", "'b'"),
        ({"top_periods_relative": "one"}, "top_periods_relative", "value_error", ""),
        ({"top_periods_relative": True}, "top_periods_relative", "value_error", ""),
        ({"disregard": "a,,b"}, "disregard", "value_error", ""),
        ({"num_minute": 5}, "num_minute", "extra_forbidden", ""),
        (
            {"top_periods": "a", "top_periods_relative": "1"},
            "top_periods_relative",
            "value_error",
            "top_periods",
        ),
        (
            {"top_moments": "a", "top_moments_relative": "1"},
            "top_moments_relative",
            "value_error",
            "top_moments",
        ),
    ],
)
def test_an_invalid_parameter_is_named_at_its_key(
    params: dict[str, object], where: str, kind: str, named: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        a_job(params=params)
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"]) == (("params", where), kind)
    assert named in error["msg"]


@pytest.mark.parametrize(
    ("keys", "kind", "named"),
    [
        ({"every": "1d"}, "value_error", "every"),
        ({"every": "1d", "from": "2012-09-26"}, "value_error", "every"),
        ({"every": "90s", "from": "2012-09-26", "to": "2012-09-27"}, "value_error", "every"),
        ({"every": 0, "from": "2012-09-26", "to": "2012-09-27"}, "value_error", "every"),
        ({"from": "2012-09-27", "to": "2012-09-27"}, "value_error", "from"),
        ({"from": "2999-01-01"}, "value_error", "from"),
        ({"to": "1960-01-01"}, "value_error", "1970"),
        ({"to": "2012-09-27", "params": {"finish": 5}}, "value_error", "params.finish"),
        ({"formats": []}, "too_short", "formats"),
        ({"formats": ["json", "json"]}, "value_error", "formats"),
        ({"formats": ["atom"]}, "literal_error", "formats"),
        ({"stream": "a/b"}, "string_pattern_mismatch", "stream"),
        ({"stream": ".."}, "value_error", "stream"),
    ],
)
def test_an_invalid_job_is_refused(keys: dict[str, object], kind: str, named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_job(**keys)
    assert [error["type"] for error in caught.value.errors()] == [kind]
    assert named in str(caught.value)


def test_each_snapshot_of_a_series_has_a_period() -> None:
    job = a_job(**{"from": "2012-09-26", "to": "2012-10-01", "every": "1d"})
    periods = list(job.periods())
    assert len(periods) == 5
    assert periods[0] == (datetime(2012, 9, 26, tzinfo=UTC), datetime(2012, 9, 27, tzinfo=UTC))
    (slots,) = job.slots()
    assert (slots.start, slots.end, slots.every) == (job.start, job.end, timedelta(days=1))


def test_the_last_period_may_be_shorter() -> None:
    job = a_job(**{"from": "2012-09-01", "to": "2012-10-01", "every": "7d"})
    assert list(job.periods())[-1] == (
        datetime(2012, 9, 29, tzinfo=UTC),
        datetime(2012, 10, 1, tzinfo=UTC),
    )
    assert [(slots.start.day, slots.end.day) for slots in job.slots()] == [(1, 29), (29, 1)]


def test_periods_that_have_not_ended_are_left_out() -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    job = a_job(**{"from": today - 2 * day, "to": today + 3 * day, "every": "1d"})
    assert list(job.periods()) == [(today - 2 * day, today - day), (today - day, today)]
    assert [slots.end for slots in job.slots()] == [today]


def test_a_single_snapshot_ends_at_to() -> None:
    job = a_job(to="2012-10-01", params={"num_minutes": 120})
    assert list(job.periods()) == [
        (datetime(2012, 9, 30, 22, tzinfo=UTC), datetime(2012, 10, 1, tzinfo=UTC))
    ]


def test_a_single_snapshot_can_set_its_finish() -> None:
    ((_, finish),) = a_job(params={"finish": 1349278694}).periods()
    assert finish == FINISH


def test_a_snapshot_of_now_ends_at_the_minute_in_which_the_job_was_read() -> None:
    before = datetime.now(UTC)
    job = a_job()
    ((start, finish),) = job.periods()
    assert before - timedelta(minutes=1) < finish <= datetime.now(UTC)
    assert (finish.second, finish - start) == (0, timedelta(hours=1))
    assert list(job.periods()) == [(start, finish)]


def test_an_account_name_cannot_be_a_path() -> None:
    with pytest.raises(ValidationError) as caught:
        MassRelevanceSource.model_validate({"account": "a/b"})
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"]) == (("account",), "string_pattern_mismatch")

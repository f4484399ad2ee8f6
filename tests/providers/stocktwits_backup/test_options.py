"""StockTwits backups: what a YAML job may say."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from backhaul_stocktwits_backup.options import StocktwitsJob, StocktwitsSource


def a_job(**keys: object) -> StocktwitsJob:
    return StocktwitsJob.model_validate({"from": "2016-12-01", "to": "2017-01-01", **keys})


@pytest.mark.parametrize("day", ["2016-12-01", date(2016, 12, 1), "2016-12-01T00:00:00Z"])
def test_a_day_may_be_written_as_yaml_reads_it(day: object) -> None:
    assert a_job(**{"from": day}).start == datetime(2016, 12, 1, tzinfo=UTC)


def test_both_file_types_are_the_default() -> None:
    assert a_job().file_types == ["activity", "message"]


@pytest.mark.parametrize(
    ("keys", "where", "words"),
    [
        ({"to": "2016-12-01"}, "to", "should be after from (2016-12-01)"),
        ({"to": "2016-11-01"}, "to", "should be after from"),
        ({"to": "2016-12-31T12:00:00Z"}, "to", "should be a whole day in UTC"),
        ({"from": "2016-12-01T01:00:00+02:00"}, "from", "should be a whole day in UTC"),
        ({"from": "yesterday"}, "from", "should be a day"),
        ({"from": 20161201}, "from", "should be a day"),
        ({"file_types": []}, "file_types", "at least 1 item"),
        ({"file_types": ["message", "message"]}, "file_types", "names message twice"),
        ({"file_types": ["../message"]}, "file_types", "match pattern"),
        ({"file_types": ["a/b"]}, "file_types", "match pattern"),
        ({"file_types": "message"}, "file_types", "valid list"),
        ({"file_typs": ["message"]}, "file_typs", "not permitted"),
    ],
)
def test_a_mistake_is_named_at_its_key(keys: dict[str, object], where: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_job(**keys)
    (error,) = caught.value.errors()
    assert error["loc"][0] == where
    assert words in error["msg"]


def test_the_password_never_prints() -> None:
    source = StocktwitsSource.model_validate({"username": "desk", "password": "hunter2"})
    assert "hunter2" not in f"{source!r} {source} {source.model_dump_json()}"
    assert source.base_url == "https://firestream.stocktwits.com"


def test_a_login_without_password_is_refused() -> None:
    with pytest.raises(ValidationError, match="password"):
        StocktwitsSource.model_validate({"username": "desk"})

"""StockTwits backups: valid YAML jobs."""

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


def test_metrics_alone_are_enough() -> None:
    assert a_job(metrics=["sentiment"], file_types=[]).file_types == []


@pytest.mark.parametrize(
    ("keys", "where", "kind"),
    [
        ({"to": "2016-12-01"}, "to", "value_error"),
        ({"to": "2016-11-01"}, "to", "value_error"),
        ({"to": "2016-12-31T12:00:00Z"}, "to", "value_error"),
        ({"from": "2016-12-01T01:00:00+02:00"}, "from", "value_error"),
        ({"from": "yesterday"}, "from", "value_error"),
        ({"from": 20161201}, "from", "value_error"),
        ({"file_types": []}, "file_types", "too_short"),
        ({"file_types": ["message", "message"]}, "file_types", "value_error"),
        ({"file_types": ["../message"]}, "file_types", "string_pattern_mismatch"),
        ({"file_types": ["a/b"]}, "file_types", "string_pattern_mismatch"),
        ({"metrics": ["a", "a"]}, "metrics", "value_error"),
        ({"metrics": ["../a"]}, "metrics", "string_pattern_mismatch"),
        ({"file_types": "message"}, "file_types", "list_type"),
        ({"file_typs": ["message"]}, "file_typs", "extra_forbidden"),
    ],
)
def test_an_error_is_reported_at_its_key(keys: dict[str, object], where: str, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_job(**keys)
    (error,) = caught.value.errors()
    assert (error["loc"][0], error["type"]) == (where, kind)


def test_the_password_is_never_printed() -> None:
    source = StocktwitsSource.model_validate({"username": "desk", "password": "hunter2"})
    assert "hunter2" not in f"{source!r} {source} {source.model_dump_json()}"
    assert source.base_url == "https://firestream.stocktwits.com"


def test_a_login_without_a_password_is_refused() -> None:
    with pytest.raises(ValidationError, match="password"):
        StocktwitsSource.model_validate({"username": "desk"})

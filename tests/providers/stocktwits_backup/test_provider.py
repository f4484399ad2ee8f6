"""StockTwits backups: the hooks, against the emulator over real HTTP."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.messages import assert_messages

import backhaul_stocktwits_backup as plugin
from backhaul import (
    AuthError,
    Content,
    Http,
    JobState,
    NotFoundError,
    ProviderError,
    RemoteFile,
    Request,
    Secret,
    Slots,
)
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator
from backhaul_stocktwits_backup.options import StocktwitsJob, StocktwitsSource

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def provider() -> Provider:
    return build(plugin, name="stocktwits-backup")


@pytest.fixture
def emulator() -> Iterator[StocktwitsBackupEmulator]:
    with StocktwitsBackupEmulator() as running:
        yield running


@pytest.fixture
def source(emulator: StocktwitsBackupEmulator) -> StocktwitsSource:
    keys = emulator.source()
    assert keys.pop("provider") == "stocktwits-backup"
    return StocktwitsSource.model_validate(keys)


def a_job(
    start: object = "2016-12-01", end: object = "2017-01-01", **more: object
) -> StocktwitsJob:
    return StocktwitsJob.model_validate({"from": start, "to": end, **more})


def names(
    provider: Provider, http: Http, source: StocktwitsSource, job: StocktwitsJob
) -> list[str]:
    return [file.name for file in provider.resolve_files(http, source, job)]


def test_each_day_has_a_file_of_each_type_days_first(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    job = a_job("2016-12-31", "2017-01-02", file_types=["message", "activity"])
    assert names(provider, http, source, job) == [
        "stocktwits_message_2016_12_31.gz",
        "stocktwits_activity_2016_12_31.gz",
        "stocktwits_message_2017_01_01.gz",
        "stocktwits_activity_2017_01_01.gz",
    ]


def test_a_leap_year_of_both_types_has_732_files(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    found = names(provider, http, source, a_job("2016-01-01", "2017-01-01"))
    assert len(set(found)) == 732


def test_a_file_covers_its_day_and_may_be_missing(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    file = next(provider.resolve_files(http, source, a_job()))
    assert (file.start, file.end) == (
        datetime(2016, 12, 1, tzinfo=UTC),
        datetime(2016, 12, 2, tzinfo=UTC),
    )
    assert file.optional
    assert file.content == "jsonl.gz"


def test_a_job_is_ready_and_has_a_slot_a_day(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    job = a_job()
    status = provider.get_status(http, source, job)
    assert status.state is JobState.READY
    assert status.slots == (Slots(job.start, job.end, every=DAY),)
    assert status.warnings == ()


def test_days_that_are_not_over_are_left_for_a_later_run(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    today = datetime.now(UTC).date()
    job = a_job(today - DAY, today + 3 * DAY, file_types=["message"])
    status = provider.get_status(http, source, job)
    assert names(provider, http, source, job) == [f"stocktwits_message_{today - DAY:%Y_%m_%d}.gz"]
    assert status.slots == (Slots(job.start, job.start + DAY, every=DAY),)
    assert_messages(status.warnings, ("", "3"))


def test_a_job_in_the_future_requests_nothing(
    provider: Provider, http: Http, source: StocktwitsSource, emulator: StocktwitsBackupEmulator
) -> None:
    job = a_job("2999-01-01", "2999-02-01")
    assert provider.get_status(http, source, job).slots == ()
    assert names(provider, http, source, job) == []
    assert len(emulator.requests) == 0


def test_a_file_type_that_is_not_documented_is_passed_on_with_a_warning(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    status = provider.get_status(http, source, a_job(file_types=["messages"]))
    assert "messages" in status.warnings[0]


def test_the_first_day_missing_is_not_a_failure_of_the_job(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    status = provider.get_status(http, source, a_job("2016-12-25", "2016-12-27"))
    assert status.state is JobState.READY


def test_a_wrong_login_is_found_by_one_call(
    provider: Provider, http: Http, source: StocktwitsSource, emulator: StocktwitsBackupEmulator
) -> None:
    wrong = source.model_copy(update={"password": Secret("wrong")})
    with pytest.raises(AuthError, match="HTTP authentication failed") as caught:
        provider.get_status(http, wrong, a_job())
    assert "wrong" not in str(caught.value)
    assert [entry.status for entry in emulator.requests] == [401]


def fetched(
    provider: Provider, http: Http, source: StocktwitsSource, file: RemoteFile
) -> tuple[Request, bytes]:
    request = provider.fetch_file(http, source, a_job(), file)
    assert isinstance(request, Request)
    return request, http.get(request.url, auth=request.auth).content


def test_the_redirect_is_followed_without_credentials(
    provider: Provider, http: Http, source: StocktwitsSource, emulator: StocktwitsBackupEmulator
) -> None:
    files = list(provider.resolve_files(http, source, a_job("2016-12-05", "2016-12-06")))
    for file in files:
        request, body = fetched(provider, http, source, file)
        assert request.url == f"{emulator.url}/backups/{file.meta['file_type']}/2016/12/05"
        assert body == emulator.data(file.meta["file_type"], date(2016, 12, 5))
    storage = emulator.requests.at("storage")
    assert [entry.status for entry in storage] == [200, 200]
    assert not any("authorization" in entry.headers for entry in storage)
    assert all("authorization" in entry.headers for entry in emulator.requests.at("api"))


def test_a_file_restored_from_json_is_fetched_the_same(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    file = next(provider.resolve_files(http, source, a_job()))
    again = RemoteFile(file.name, meta=json.loads(json.dumps(dict(file.meta))))
    assert provider.fetch_file(http, source, a_job(), again) == provider.fetch_file(
        http, source, a_job(), file
    )


def test_a_missing_day_is_not_found_with_the_servers_message(
    provider: Provider, http: Http, source: StocktwitsSource
) -> None:
    file = next(provider.resolve_files(http, source, a_job("2016-12-25", "2016-12-26")))
    with pytest.raises(NotFoundError, match="The file requested was not found"):
        fetched(provider, http, source, file)


def test_every_line_of_a_backup_is_an_object(emulator: StocktwitsBackupEmulator) -> None:
    for file_type in ("activity", "message"):
        lines = gzip.decompress(emulator.data(file_type, date(2016, 12, 5))).splitlines()
        assert len(lines) > 10
        assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize(
    ("last", "right"),
    [(b'{"id":1}', True), (b"", True), (b'{"id":', False), (b"<html>", False), (b"[1]", False)],
)
def test_the_last_line_must_be_an_object(
    provider: Provider,
    source: StocktwitsSource,
    last: bytes,
    right: bool,  # noqa: FBT001 - a test parameter
) -> None:
    content = Content(10, "0" * 64, records=1, last=last)
    problems = provider.check_file(source, a_job(), RemoteFile("x.gz"), content)
    assert (problems == []) == right


@pytest.mark.parametrize("path", ["2016/12/5", "2016/12/05"])
def test_the_emulator_accepts_days_without_padding(
    http: Http, source: StocktwitsSource, path: str
) -> None:
    url = f"{source.base_url}/backups/message/{path}"
    answer = http.get(url, auth=(source.username, source.password), allow_redirects=False)
    assert answer.status_code == 302


def test_an_invalid_date_is_refused_with_the_servers_message(
    http: Http, source: StocktwitsSource
) -> None:
    url = f"{source.base_url}/backups/message/2016/13/05"
    with pytest.raises(ProviderError, match="Please verify that the date is correct"):
        http.get(url, auth=(source.username, source.password))


def test_the_storage_suggests_its_own_file_names(http: Http, source: StocktwitsSource) -> None:
    url = f"{source.base_url}/backups/message/2016/12/05"
    answer = http.get(url, auth=(source.username, source.password))
    assert "stocktwits_messages_2016_12_05.gz" in answer.headers["Content-Disposition"]


def test_the_example_job_of_the_emulator_is_valid(emulator: StocktwitsBackupEmulator) -> None:
    job = StocktwitsJob.model_validate(emulator.jobs()["stocktwits-december"])
    assert (job.end - job.start).days == 31

"""StockTwits backups through the whole engine."""

import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.one_job import job_spec

from backhaul import ExitCode, Http
from backhaul.config import Settings
from backhaul.plugins.discovery import Plugins
from backhaul.run.driver import Driver
from backhaul.run.result import JobResult
from backhaul_stocktwits_backup.emulator import StocktwitsBackupEmulator
from backhaul_stocktwits_backup.options import StocktwitsJob, StocktwitsSource


@pytest.fixture
def emulator() -> Iterator[StocktwitsBackupEmulator]:
    with StocktwitsBackupEmulator(records=4) as running:
        yield running


def run(
    emulator: StocktwitsBackupEmulator, dest: Path, **job: object
) -> tuple[ExitCode, JobResult]:
    keys = {key: value for key, value in emulator.source().items() if key != "provider"}
    spec = job_spec(
        dest,
        name="backups",
        source="firestream",
        provider=emulator.provider,
        source_options=StocktwitsSource.model_validate(keys),
        options=StocktwitsJob.model_validate(job),
    )
    result = Driver(
        [spec],
        Settings(durable=False),
        load=Plugins().load,
        make_http=lambda provider, stop: Http(pace=provider.info.pace, stop=stop),
    ).run()
    (only,) = result.jobs
    return result.exit_code, only


def test_a_year_of_both_types_arrives_and_no_credentials_reach_the_storage(
    emulator: StocktwitsBackupEmulator, tmp_path: Path
) -> None:
    code, job = run(emulator, tmp_path, **{"from": "2016-01-01", "to": "2017-01-01"})
    assert code is ExitCode.OK
    assert (job.files.listed, job.files.verified, job.files.missing) == (732, 730, 2)
    storage = emulator.requests.at("storage")
    assert Counter(entry.status for entry in storage) == {200: 730}
    assert not any("authorization" in entry.headers for entry in storage)
    assert all("authorization" in entry.headers for entry in emulator.requests.at("api"))
    emulator.requests.clear()
    code, job = run(emulator, tmp_path, **{"from": "2016-01-01", "to": "2017-01-01"})
    assert (code, job.files.fetched, job.files.verified) == (ExitCode.OK, 0, 730)
    assert emulator.requests.at("storage") == []


def test_expired_links_and_broken_bodies_end_with_the_same_bytes(
    emulator: StocktwitsBackupEmulator, tmp_path: Path
) -> None:
    emulator.faults.replace("expired@*05* drop@*06* changed@*07* truncated@*08* 503=0@*09*")
    code, job = run(emulator, tmp_path, **{"from": "2016-12-05", "to": "2016-12-10"})
    assert (code, job.files.verified) == (ExitCode.OK, 10)
    assert (
        len({fault.kind for fault in emulator.faults.all if emulator.faults.hits(fault.kind)}) == 5
    )
    paths = list((tmp_path / "backups").glob("stocktwits_*.gz"))
    assert len(paths) == 10
    for path in paths:
        _, file_type, *day = path.stem.split("_")
        expected = emulator.data(file_type, date(*map(int, day)))
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(expected)
    assert not any("authorization" in entry.headers for entry in emulator.requests.at("storage"))


def test_a_wrong_login_ends_at_once_with_the_code_for_credentials(
    emulator: StocktwitsBackupEmulator, tmp_path: Path
) -> None:
    emulator.faults.replace("unauthorized:all")
    code, job = run(emulator, tmp_path, **{"from": "2016-12-05", "to": "2016-12-10"})
    assert code is ExitCode.AUTH
    assert "401" in job.failures[0].message
    assert len(emulator.requests) == 1


def test_symbol_backups_arrive_alongside_the_streams(
    emulator: StocktwitsBackupEmulator, tmp_path: Path
) -> None:
    keys = {"from": "2016-12-24", "to": "2016-12-27"}
    code, job = run(emulator, tmp_path, metrics=["sentiment"], file_types=["message"], **keys)
    assert (code, job.files.verified, job.files.missing) == (ExitCode.OK, 4, 2)
    assert (tmp_path / "backups" / "stocktwits_symbols_sentiment_2016_12_24.gz").exists()
    asked = {entry.path for entry in emulator.requests if entry.path.startswith("/symbols")}
    assert asked == {f"/symbols/backups/sentiment/2016/12/{day}" for day in (24, 25, 26)}
    assert any("sentiment" in warning for warning in job.warnings)


def test_metrics_alone_may_be_requested(emulator: StocktwitsBackupEmulator, tmp_path: Path) -> None:
    keys = {"from": "2016-12-24", "to": "2016-12-25"}
    code, job = run(emulator, tmp_path, metrics=["sentiment", "nothing"], file_types=[], **keys)
    assert (code, job.files.verified, job.files.missing) == (ExitCode.OK, 1, 1)

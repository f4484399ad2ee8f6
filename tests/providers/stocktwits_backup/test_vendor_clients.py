"""The documentation's curl command and scripts, against the emulator."""

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPBasicAuth
from tests.shell import shell

from backhaul_stocktwits_backup.emulator import PASSWORD, USERNAME, StocktwitsBackupEmulator

DAY = date(2016, 12, 5)


@pytest.fixture
def emulator() -> Iterator[StocktwitsBackupEmulator]:
    with StocktwitsBackupEmulator(records=4) as running:
        yield running


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize(
    ("file_type", "name"),
    [
        ("activity", "stocktwits_activity_2016_12_05.gz"),
        ("message", "stocktwits_messages_2016_12_05.gz"),
    ],
)
def test_curl_uses_the_servers_file_name_and_does_not_forward_credentials(
    emulator: StocktwitsBackupEmulator, tmp_path: Path, quote: str, file_type: str, name: str
) -> None:
    login = f"{quote}{USERNAME}{quote}:{quote}{PASSWORD}{quote}"
    shell(f'curl -sS -JLO -u {login} "{emulator.url}/backups/{file_type}/2016/12/05"', tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == emulator.data(file_type, DAY)
    (storage,) = emulator.requests.at("storage")
    assert "authorization" not in storage.headers
    data = []
    with gzip.open(tmp_path / name, "rb") as lines:
        data += [json.loads(line) for line in lines]
    assert len(data) > 1
    assert all(isinstance(record, dict) for record in data)


def test_a_script_with_requests_streams_the_file_and_names_it_by_its_url(
    emulator: StocktwitsBackupEmulator, tmp_path: Path
) -> None:
    url = f"{emulator.url}/backups/activity/2016/12/05"
    answer = requests.get(url, auth=HTTPBasicAuth(USERNAME, PASSWORD), stream=True, timeout=10)
    assert answer.status_code == 200
    path = tmp_path / f"stocktwits_{'_'.join(url.split('/')[-4:])}.gz"
    with path.open("wb") as file:
        for chunk in answer.iter_content(chunk_size=1024):
            file.write(chunk)
    assert path.name == "stocktwits_activity_2016_12_05.gz"
    assert path.read_bytes() == emulator.data("activity", DAY)


@pytest.mark.parametrize(
    ("path", "login", "status"),
    [
        ("activity/2016/13/05", f"{USERNAME}:{PASSWORD}", 400),
        ("activity/2016/12/05", f"{USERNAME}:wrong", 401),
        ("activity/2016/12/25", f"{USERNAME}:{PASSWORD}", 404),
        ("activity/2016/12/05", f"{USERNAME}:{PASSWORD}", 302),
        ("activity/2016/12/5", f"{USERNAME}:{PASSWORD}", 302),
    ],
)
def test_curl_sees_the_documented_answers(
    emulator: StocktwitsBackupEmulator, tmp_path: Path, path: str, login: str, status: int
) -> None:
    command = f"curl -sS -o body -w '%{{http_code}}' -u '{login}' {emulator.url}/backups/{path}"
    assert shell(command, tmp_path) == str(status)
    assert bool((tmp_path / "body").read_bytes()) is (status != 302)

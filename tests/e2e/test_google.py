"""The commands on an archive in Google Cloud Storage, on loopback."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import days
from tests.days import served
from tests.e2e.conftest import Ended
from tests.gcs import ACCOUNT_KEY, BUCKET, google_cloud_storage

Run = Callable[..., Ended]


def test_an_archive_is_stored_corrected_verified_and_copied(
    tmp_path: Path, backhaul: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", ACCOUNT_KEY)
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in (1, 2)}
    corrected = gzip.compress(b'{"day": 2, "corrected": 1}\n')
    with served(tmp_path / "www", files) as web, google_cloud_storage() as store:
        text = days.config(web, store, prefix="lab", days=2)
        path = tmp_path / "days.yaml"
        path.write_text(text.replace(text.split("dest: ")[1].split()[0], f"gs://{BUCKET}/lab"))
        assert backhaul("run", path).code == 0
        (tmp_path / "www/2.json.gz").write_bytes(corrected)

        ended = backhaul("run", path, "--refresh", "--json")

        assert (ended.code, ended.json["jobs"][0]["warnings"]) == (0, [])
        assert ended.json["jobs"][0]["files"]["replaced"] == 1
        shutil.rmtree(tmp_path / ".backhaul")
        checked = backhaul("verify", path, "--deep")
        assert (checked.code, "continuing with the snapshot" in checked.err) == (0, True)
        assert "2 files read, all intact" in checked.out
        assert backhaul("copy", path, "--to", str(tmp_path / "home")).code == 0
        assert (tmp_path / "home/days/2.json.gz").read_bytes() == corrected

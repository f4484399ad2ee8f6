"""s3-prefix with the real command and a real store."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.providers.http_archives.conftest import Home
from tests.seaweed import KEY, PRIVATE, PUBLIC, SECRET, Store, seaweed

from backhaul.testing import Emulator

DAYS = [f"2026-01-{day:02d}" for day in range(30, 32)] + ["2026-02-02"]


def body(day: str, word: str = "") -> bytes:
    return gzip.compress(f"ticker,volume\nA{word},{day[-2:]}\n".encode() * 50, mtime=0)


def key(day: str) -> str:
    return f"us/day/{day[:4]}/{day[5:7]}/{day}.csv.gz"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with seaweed(tmp_path_factory.mktemp("weed")) as running:
        for bucket in (PRIVATE, PUBLIC):
            for day in DAYS:
                running.put(bucket, key(day), body(day))
            running.put(bucket, "us/day/2026/01/notes.txt", b"made up\n")
            running.put(bucket, "us/other/2026-01-30.csv.gz", body("2026-01-30"))
        yield running


def archive_of(store: Store, folder: Path, capsys: pytest.CaptureFixture[str], **keys: Any) -> Home:
    source = {
        "provider": "s3-prefix",
        "bucket": PRIVATE,
        "prefix": "us/day/{start:%Y}/{start:%m}/",
        "every": "1mo",
        "endpoint": store.url,
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        "include": ["*.csv.gz"],
        "start": r"(?P<start>\d{4}-\d{2}-\d{2})",
        "start_format": "%Y-%m-%d",
        "slot": "1d",
        **keys,
    }
    source = {name: value for name, value in source.items() if value is not None}
    job = {"from": "2026-01-30", "to": "2026-02-03"}
    made = Home(Emulator(), folder / "archive.yaml", capsys, source, job)
    made.write()
    return made


def test_objects_arrive_and_a_second_run_fetches_none(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_of(store, tmp_path, capsys)
    code, job = archive.run()
    assert (code, job["state"], job["files"]["verified"]) == (0, "complete", 3)
    assert archive.here == {key(day).removeprefix("us/day/") for day in DAYS}
    assert archive.gaps() == [("2026-02-01T00:00:00Z", "silent")]
    (job,) = archive.command("files")[1]["jobs"]
    assert {"listed-size", "container"} <= set(job["files"][0]["proof"])
    assert "checksum" not in job["files"][0]["proof"]
    code, job = archive.run()
    assert (code, job["files"]["fetched"]) == (0, 0)


def test_a_different_etag_means_different_content(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = "2026-03-01"
    store.put(PRIVATE, key(day), body(day))
    archive = archive_of(store, tmp_path, capsys)
    archive.change(**{"from": day, "to": "2026-03-02"})
    assert archive.run()[0] == 0
    store.put(PRIVATE, key(day), body(day, "x"))
    code, job = archive.run()
    assert (code, job["files"]["replaced"]) == (0, 1)
    path = tmp_path / "archive" / "job" / key(day).removeprefix("us/day/")
    assert path.read_bytes() == body(day, "x")


def test_an_md5_etag_proves_the_file(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_of(store, tmp_path, capsys, etag="md5")
    assert archive.run()[0] == 0
    (job,) = archive.command("files")[1]["jobs"]
    assert all("checksum" in each["proof"] for each in job["files"])


def test_a_public_bucket_needs_no_keys(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_of(
        store,
        tmp_path,
        capsys,
        bucket=PUBLIC,
        anonymous=True,
        access_key_id=None,
        secret_access_key=None,
    )
    code, job = archive.run()
    assert (code, job["files"]["verified"]) == (0, 3)


def test_keys_come_from_the_environment(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")  # overridden by the YAML
    archive = archive_of(store, tmp_path, capsys, access_key_id=None, secret_access_key=None)
    assert archive.run()[0] == 0


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the AWS command line: the profile ``archive`` is right, the default one is not."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    path = tmp_path / "credentials"
    keys = "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
    path.write_text(keys.format("default", KEY, "wrong") + keys.format("archive", KEY, SECRET))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return path


@pytest.mark.usefixtures("profiles")
def test_credentials_can_come_from_a_profile(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {"access_key_id": None, "secret_access_key": None}
    archive = archive_of(store, tmp_path, capsys, **keys, profile="archive")
    assert archive.run()[0] == 0
    archive = archive_of(store, tmp_path, capsys, **keys)
    assert archive.run()[0] == 4  # the default profile is wrong
    monkeypatch.setenv("AWS_PROFILE", "archive")
    assert archive.run()[0] == 0


def test_missing_credentials_and_an_unknown_profile_are_explained(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], profiles: Path
) -> None:
    profiles.write_text("")
    keys = {"access_key_id": None, "secret_access_key": None}
    code, job = archive_of(store, tmp_path, capsys, **keys).run()
    assert (code, job["failures"][0]["kind"]) == (4, "denied")
    assert "no credentials; write access_key_id" in job["failures"][0]["message"]
    code, job = archive_of(store, tmp_path, capsys, **keys, profile="no-such").run()
    assert (code, job["failures"][0]["kind"]) == (2, "config")
    assert "(no-such) could not be found" in job["failures"][0]["message"]


def test_the_sources_keys_override_those_in_the_environment(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other")
    assert archive_of(store, tmp_path, capsys).run()[0] == 0


@pytest.mark.parametrize(
    "keys",
    [
        {"secret_access_key": "wrong"},
        {"access_key_id": "AKIAUNKNOWN"},
        {"anonymous": True, "access_key_id": None, "secret_access_key": None},
    ],
)
def test_a_refused_request_ends_with_exit_code_4(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: dict[str, Any]
) -> None:
    code, job = archive_of(store, tmp_path, capsys, **keys).run()
    assert (code, job["failures"][0]["kind"]) == (4, "denied")
    assert "403" in job["failures"][0]["message"]
    assert f"s3://{PRIVATE}" in job["failures"][0]["message"]


def test_keys_with_any_characters_are_signed_and_fetched(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "odd/a b+c=ü&d%20;'(1).csv.gz"
    store.put(PRIVATE, odd, body("2026-01-01"))
    times = dict.fromkeys(("every", "start", "start_format", "slot", "include"))
    archive = archive_of(store, tmp_path, capsys, prefix="odd/", **times)
    archive.job.clear()
    archive.change()
    assert archive.run()[0] == 0
    assert archive.here == {odd.removeprefix("odd/")}


@pytest.mark.matrix
def test_a_large_object_arrives_complete(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = gzip.compress(Random(1).randbytes(40 << 20), 1, mtime=0)  # fetched in segments
    store.put(PRIVATE, "large/a.gz", data)
    times = dict.fromkeys(("every", "start", "start_format", "slot", "include"))
    archive = archive_of(store, tmp_path, capsys, prefix="large/", **times)
    archive.job.clear()
    archive.change()
    assert archive.run()[0] == 0
    assert (tmp_path / "archive" / "job" / "a.gz").read_bytes() == data


def test_a_prefix_without_objects_is_silent(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_of(store, tmp_path, capsys, prefix="nothing/{start:%Y}/")
    code, job = archive.run()
    assert (code, job["files"]["listed"], job["files"]["silent"]) == (0, 0, 4)

"""Files from curl, wget or rclone: adopted if something proves them, otherwise fetched."""

from pathlib import Path

import pytest
from tests.providers.http_archives.conftest import Home, Made

from backhaul_http_archives.emulated_s3 import FOLDER, S3PrefixEmulator

NAMES = [f"2026-01-01-{hour}.json.gz" for hour in range(4)]


def archive_of(home: Made) -> Home:
    archive = home(missing=())
    archive.change(**{"from": "2026-01-01", "to": "2026-01-01T04:00:00Z"})
    return archive


def place_file(archive: Home, name: str, *, under: str, cut: int = 0, data: bytes = b"") -> Path:
    """Puts a file into the job's folder like another tool."""
    body = data or archive.one.data(f"/hours/{name}")  # type: ignore[attr-defined]  # of this emulator
    path = archive.path.parent / "archive" / "job" / under
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body[: len(body) - cut])
    return path


def test_files_under_their_own_names_are_not_fetched(home: Made) -> None:
    archive = archive_of(home)
    for name in NAMES:
        place_file(archive, name, under=name)
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["fetched"]) == (0, 4, 0)
    assert archive.asked() == []


def test_a_file_that_is_cut_short_is_fetched(home: Made) -> None:
    archive = archive_of(home)
    for name in NAMES:
        place_file(archive, name, under=name, cut=name.endswith("-2.json.gz"))
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["fetched"]) == (0, 4, 1)
    assert archive.asked() == [f"/hours/{NAMES[2]}"]


@pytest.mark.parametrize(
    ("adopt", "under"),
    [
        ("data.example.org/{path}", "data.example.org/hours/{}"),
        (["nowhere/{name}", "old/{basename}"], "old/{}"),
        ("{start:%Y}/{start:%H}.gz", "2026/0{hour}.gz"),
    ],
)
def test_files_under_other_names_are_renamed_and_not_fetched(
    home: Made, adopt: str | list[str], under: str
) -> None:
    archive = archive_of(home)
    archive.change(adopt=adopt)
    brought = [
        place_file(archive, name, under=under.format(name, hour=hour))
        for hour, name in enumerate(NAMES)
    ]
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["fetched"]) == (0, 4, 0)
    assert archive.asked() == []
    assert archive.here == set(NAMES)
    assert not [path for path in brought if path.exists()]


def test_a_checksum_file_proves_a_file_without_other_proof(home: Made) -> None:
    archive = archive_of(home)
    archive.change(source={"content": "bytes", "checksum": {"beside": "{url}.md5"}})
    good, wrong, absent, other = NAMES
    place_file(archive, good, under=good)
    place_file(archive, wrong, under=wrong, data=b"x" * 100)
    place_file(archive, other, under=other)
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["fetched"]) == (0, 4, 2)
    asked = archive.asked()
    assert {path for path in asked if not path.endswith(".md5")} == {
        f"/hours/{wrong}",
        f"/hours/{absent}",
    }
    files = archive.command("files")[1]["jobs"][0]["files"]
    assert all("checksum" in each["proof"] for each in files)
    assert archive.run()[1]["files"]["fetched"] == 0
    assert archive.asked() == []


def test_objects_of_a_bucket_are_adopted_by_size_and_container(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(adopt="{path}")
    key = f"{FOLDER}/2026/01/2026-01-24.csv.gz"
    place_file(archive, "", under=key, data=archive.one.bodies[key])  # type: ignore[attr-defined]  # of this emulator
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["fetched"]) == (0, 8, 7)
    assert "2026/01/2026-01-24.csv.gz" in archive.here

"""s3-prefix with an emulated bucket: pages, folder markers, ETags, faults, pace."""

import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import warm
from tests.providers.http_archives.conftest import Made
from tests.usual import usual
from werkzeug import Request, Response

from backhaul import how_to_install
from backhaul_http_archives.emulated_s3 import FOLDER, S3PrefixEmulator


def with_one_page(api: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The same, but the second page of the first list is a proxy's error page."""
    asked = [0]

    def answer(request: Request) -> Response:
        if "continuation-token" in request.args:
            asked[0] += 1
            if asked[0] == 1:
                return Response("<html><body>Please log in</body></html>", mimetype="text/html")
        return api(request)

    return answer


def lists(archive_paths: list[str]) -> int:
    return sum(path.count("/") == 1 for path in archive_paths)


def test_slots_without_objects_are_silent_and_folder_markers_are_not_files(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(source={"include": []})
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["silent"]) == (0, 8, 2)
    assert archive.gaps() == [
        ("2026-01-25T00:00:00Z", "silent"),
        ("2026-02-01T00:00:00Z", "silent"),
    ]
    assert "2026/01/2026-01-24.csv.gz" in archive.here


def test_an_object_with_an_impossible_time_leaves_slots_unknown(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    day = f"{FOLDER}/2026/01/2026-01-{{}}.csv.gz"
    bodies = archive.one.bodies  # type: ignore[attr-defined]
    bodies[day.format(32)] = bodies[day.format(24)]
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["silent"]) == (3, 9, 0)
    assert job["files"]["unknown"] == 2
    assert "2026/01/2026-01-32.csv.gz" in archive.here
    archive.change(source={"exclude": ["*-32.csv.gz"]})
    code, job = archive.run()
    assert (job["files"]["silent"], job["files"]["unknown"]) == (2, 0)


def test_without_times_all_objects_of_a_prefix_are_fetched(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    for key in ("every", "start", "start_format", "slot", "include"):
        archive.source.pop(key)
    archive.job.clear()
    archive.change(source={"prefix": f"{FOLDER}/", "name": "{basename}"})
    code, job = archive.run()
    assert (code, job["files"]["verified"]) == (0, 19)
    assert "README.txt" in archive.here


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"secret_access_key": "of-another-key"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "AKIAMADEUPFORTESTS01"}, "InvalidAccessKeyId"),
        ({"anonymous": True, "access_key_id": None, "secret_access_key": None}, "AccessDenied"),
    ],
    ids=["secret", "key", "none"],
)
def test_the_emulator_refuses_other_keys(home: Made, keys: dict[str, object], code: str) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(source=keys)
    ended, job = archive.run()
    assert ended == 4
    assert code in job["failures"][0]["message"]


@pytest.mark.parametrize(
    "change", usual(["X-Amz-Signature=0", "X-Amz-Expires=99999", "response-x=1"], "response-x=1")
)
def test_the_emulator_refuses_a_changed_link(home: Made, change: str) -> None:
    archive = home(S3PrefixEmulator)
    archive.run()
    signed = next(each for each in archive.one.requests if "X-Amz-Signature" in each.query)
    url = f"{archive.one.url}{signed.path}?{signed.query}"
    name, _, value = change.partition("=")
    changed = (
        re.sub(rf"({name}=)[^&]*", rf"\g<1>{value}", url) if name in url else f"{url}&{change}"
    )

    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(changed)


def test_a_list_of_many_pages_is_read_to_its_end(home: Made) -> None:
    archive = home(S3PrefixEmulator, page=3)
    assert archive.run()[1]["files"]["verified"] == 8
    # 12 and 8 keys, three per page; each end is confirmed.
    assert lists(archive.asked()) == 4 + 3 + 2


def test_two_objects_with_the_same_name_are_reported(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(source={"name": "day.csv.gz"})
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (8, "not_data")
    assert '"{path}"' in job["failures"][0]["message"]


def test_an_etag_is_not_an_md5_unless_the_source_says_so(home: Made) -> None:
    archive = home(S3PrefixEmulator, encrypted=True)
    assert archive.run()[0] == 0


def test_an_object_that_does_not_match_its_md5_is_corrupt(home: Made) -> None:
    archive = home(S3PrefixEmulator, encrypted=True)
    archive.change(source={"etag": "md5"})
    code, job = archive.run()
    assert (code, {each["kind"] for each in job["failures"]}) == (8, {"corrupt"})
    assert archive.here == set()


def test_a_missing_bucket_is_reported(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(source={"bucket": "nothing"})
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (3, "not_found")
    assert "NoSuchBucket" in job["failures"][0]["message"]


def test_a_page_that_is_not_a_list_fails_the_job(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.one.faults.replace("api/html_200:all")
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (8, "not_data")
    assert job["files"]["silent"] == 0


def test_a_list_interrupted_by_a_proxys_page_is_read_to_its_end(home: Made) -> None:
    archive = home(S3PrefixEmulator, page=3)
    archive.one.api = with_one_page(archive.one.api)  # type: ignore[method-assign]
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["silent"]) == (0, 8, 2)


def test_the_pace_counts_lists_and_files_together(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    archive.change(source={"pace": "10/s"})
    began = time.monotonic()
    assert archive.run()[0] == 0
    times = [entry.time for entry in archive.one.requests]
    assert len(times) == 4 + 8
    assert time.monotonic() - began >= (len(times) - 1) * 0.1 * 0.9


def test_links_and_keys_are_kept_out_of_the_archive(home: Made, tmp_path: Path) -> None:
    archive = home(S3PrefixEmulator)
    assert archive.run()[0] == 0
    for path in (tmp_path / "archive").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"X-Amz-Signature" not in data
            assert archive.source["secret_access_key"].encode() not in data


def test_without_obstore_the_extra_is_named(home: Made) -> None:
    archive = home(S3PrefixEmulator)
    program = (
        "import sys; sys.modules['obstore.store'] = None\n"
        "from backhaul.cli.main import main; sys.exit(main(['run', sys.argv[1]]))"
    )
    done = warm.run(
        [sys.executable, "-c", program, str(archive.path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 2
    assert how_to_install("stores") in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("fault", ["api/503=0:3x", "api/429=0:2x", "api/truncated:2x", "drop:2x"])
def test_a_listing_survives_transient_errors(home: Made, fault: str) -> None:
    archive = home(S3PrefixEmulator, page=3)
    archive.one.faults.replace(fault)
    code, job = archive.run()
    assert (code, job["files"]["verified"]) == (0, 8)

"""Instructions from the vendor's article, and behavior of old clients, against the emulator."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.shell import shell

from backhaul import JobState
from backhaul_gnip_hpt.emulated_orders import rules_report
from backhaul_gnip_hpt.emulator import JOB, PASSWORD, USERNAME

Start = Callable[..., Any]
AUTH = (USERNAME, PASSWORD)
V1 = "/accounts/acme/publishers/twitter/historical/track/jobs"
V2 = "/historical/powertrack/accounts/acme/publishers/twitter/jobs"
ORDER = {
    "publisher": "twitter",
    "dataFormat": "activity_streams",
    "fromDate": "201506010000",
    "toDate": "201506010100",
    "title": "harbor fog in June",
    "rules": [{"value": "fog (harbor OR harbour)", "tag": "fog"}],
}


def call(here: Any, method: str, path: str, **how: Any) -> requests.Response:
    return requests.request(method, here.emulator.url + path, auth=AUTH, timeout=10, **how)


@pytest.mark.parametrize("jobs", [V1, V2])
@pytest.mark.parametrize(("only", "count"), [("", None), ("| head -1 ", 1)])
def test_curl_and_xargs_fetch_the_files_of_the_csv_list(
    account: Start, tmp_path: Path, jobs: str, only: str, count: int | None
) -> None:
    here = account(silent=0.4)
    archive = here.emulator.known[JOB].archive
    shell(
        f"curl -sS -u'{USERNAME}:{PASSWORD}' {here.emulator.url}{jobs}/{JOB}/results.csv"
        f" {only}| xargs -P 8 -t -n2 curl -o",
        tmp_path,
    )
    expected = {
        f"{archive.folder}_{slot:%Y_%m_%d_%H_%M}_activities.json.gz": archive.body(slot)
        for slot in list(archive.slots)[:count]
    }
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected


@pytest.mark.parametrize("jobs", [V1, V2])
def test_a_script_that_asks_status_then_links_then_files_gets_them_all(
    account: Start, jobs: str
) -> None:
    here = account(silent=0.4)
    archive = here.emulator.known[JOB].archive
    status = call(here, "GET", f"{jobs}/{JOB}.json").json()
    assert (status["status"], status["percentComplete"]) == ("delivered", 100)
    listed = requests.get(status["results"]["dataURL"], auth=AUTH, timeout=10).json()
    assert listed["urlCount"] == len(listed["urlList"]) == status["results"]["fileCount"]
    names = set()
    for link in listed["urlList"]:
        # The vendor's own rule for names: the path after the account, without slashes.
        name = "".join(link.split("acme")[1].split("/")[4:]).split("?")[0]
        assert gzip.decompress(requests.get(link, timeout=10).content)
        names.add(name)
    stamps = {f"{archive.folder}{slot:%Y%m%d%H%M}_activities.json.gz" for slot in archive.slots}
    assert names == stamps


@pytest.mark.parametrize(
    ("jobs", "listing", "stream_type"),
    [
        (V1, "/accounts/acme/jobs.json", "track"),
        (V2, f"{V2}.json", "track_v2"),
    ],
)
def test_a_job_is_created_quoted_accepted_and_delivered(
    account: Start, jobs: str, listing: str, stream_type: str
) -> None:
    here = account(polls=1, api_version=1 if jobs == V1 else 2)
    made = call(
        here, "POST", listing, data=json.dumps(ORDER), headers={"Content-Type": "text/json"}
    )
    job = made.json()
    assert (made.status_code, job["status"], job["format"]) == (201, "opened", "activity_streams")
    assert job["streamType"] == stream_type
    assert job.get("rules") == (rules_report(ORDER) if jobs == V2 else None)
    assert not job.keys() & {"percentComplete", "results", "quote", "acceptedBy", "acceptedAt"}
    uuid = job["jobURL"].split("/")[-1].split(".")[0]
    assert re.fullmatch("[a-z0-9]{10}", uuid)
    path = f"{jobs}/{uuid}.json"
    assert [call(here, "GET", path).json()["status"] for _ in range(3)] == [
        "estimating",
        "quoted",
        "quoted",
    ]
    assert here.status(id=uuid).state is JobState.PENDING
    accepted = call(here, "PUT", path, json={"status": "accept"})
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert accepted.json()["acceptedBy"]
    assert accepted.json()["acceptedAt"]
    assert "percentComplete" not in accepted.json()
    assert call(here, "PUT", path, json={"status": "accept"}).status_code == 400
    states = [call(here, "GET", path).json()["status"] for _ in range(3)]
    assert states == ["running", "running", "delivered"]
    assert here.status(id=uuid).state is JobState.READY
    files = here.files(id=uuid)
    assert 0 < len(files) <= 6
    assert gzip.decompress(requests.get(files[0].url, timeout=10).content)


def test_a_quote_is_rejected_by_a_client_that_cannot_put(account: Start) -> None:
    here = account()
    path = f"{V2}/{here.emulator.ids['quoted']}.json"
    override = {"X-HTTP-Method-Override": "PUT"}
    answer = call(here, "POST", path, json={"status": "reject"}, headers=override)
    assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    assert here.status(id=here.emulator.ids["quoted"]).state is JobState.FAILED


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"title": None}, "title"),
        ({"title": "twins"}, "exists already"),
        ({"fromDate": "2015-06-01"}, "YYYYMMDDHHMM"),
        ({"toDate": "201505010000"}, "later"),
        ({"rules": [{"tag": "fog"}]}, "rules"),
        ({"rules": "fog"}, "rules"),
        ({"streamType": "decahose"}, "streamType"),
    ],
)
def test_an_invalid_order_is_refused_with_the_reason(
    account: Start, change: dict[str, Any], word: str
) -> None:
    answer = call(account(), "POST", f"{V2}.json", json={**ORDER, **change})
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert word in answer.json()["reason"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"status": 1}', b'{"status": "pause"}'])
def test_an_invalid_decision_is_refused(account: Start, body: bytes) -> None:
    here = account()
    path = f"{V2}/{here.emulator.ids['quoted']}.json"
    answer = call(here, "PUT", path, data=body)
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert call(here, "POST", f"{V2}.json", data=body).status_code == 400
    assert here.status(id=here.emulator.ids["quoted"]).state is JobState.PENDING


@pytest.mark.parametrize("path", [f"{V2}.json", f"{V1}/{JOB}.json", f"{V2}/{JOB}/results.csv"])
def test_head_answers_like_get_without_a_body(account: Start, path: str) -> None:
    here = account()
    head, get = call(here, "HEAD", path), call(here, "GET", path)
    assert (head.status_code, head.content) == (200, b"")
    # Links of two listings have different lengths.
    assert "results" in path or head.headers["Content-Length"] == str(len(get.content))
    refused = call(here, "DELETE", path)
    assert refused.status_code == 405
    assert refused.headers["Allow"].startswith("GET, HEAD")


def test_head_does_not_advance_a_job(account: Start) -> None:
    here = account(polls=1)
    path = f"{V2}/{here.emulator.ids['running']}.json"
    assert [call(here, "HEAD", path).status_code for _ in range(3)] == [200] * 3
    assert call(here, "GET", path).json()["status"] == "running"


def test_the_list_has_uuids_and_no_field_is_null(account: Start) -> None:
    here = account()
    for listing in ("/accounts/acme/jobs.json", f"{V2}.json"):
        jobs = call(here, "GET", listing).json()["jobs"]
        assert [job["uuid"] for job in jobs] == list(here.emulator.known)
        assert None not in [value for job in jobs for value in job.values()]


def test_the_job_in_the_articles_has_the_fields_described_there(account: Start) -> None:
    job = call(account(), "GET", f"{V1}/{JOB}.json").json()
    fields = (job["title"], job["status"], job["streamType"])
    assert fields == ("WorldCup test", "delivered", "track")
    assert set(job) == {
        *("title", "account", "publisher", "streamType", "format", "fromDate", "toDate"),
        *("requestedBy", "requestedAt", "status", "statusMessage", "jobURL", "quote"),
        *("acceptedBy", "acceptedAt", "results", "percentComplete"),
    }


def test_totals_of_all_slots_exceed_the_links_and_are_reported(account: Start) -> None:
    here = account(silent=0.5, slot_totals=True)
    archive = here.emulator.known[JOB].archive
    status = here.status()
    assert status.state is JobState.READY
    assert status.totals.files == archive.count > len(here.files()) == archive.files
    (warning,) = status.warnings
    assert f"{archive.count} files (fileCount)" in warning
    assert str(archive.files) in warning


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blank_lines_can_be_switched_off(account: Start, newline: str) -> None:
    here = account(blank_lines=False, newline=newline)
    archive = here.emulator.known[JOB].archive
    slot = next(archive.slots)
    text = gzip.decompress(archive.body(slot))
    assert len(text.split(newline.encode())) == archive.records(slot) + 2

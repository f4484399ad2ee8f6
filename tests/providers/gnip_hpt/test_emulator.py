"""The emulator behaves like the real service."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from backhaul_gnip_hpt.emulated_archive import Archive
from backhaul_gnip_hpt.emulator import JOB, PASSWORD, USERNAME, GnipHptEmulator

Start = Callable[..., Any]


def archive(**knobs: Any) -> Archive:
    emulator = GnipHptEmulator(**{"slots": 36, **knobs})
    return emulator.known[JOB].archive


def test_the_same_seed_makes_the_same_bytes() -> None:
    one, same, other = archive(seed=7), archive(seed=7), archive(seed=8)
    assert [one.body(slot) for slot in one.slots] == [same.body(slot) for slot in same.slots]
    assert list(one.slots) != list(other.slots)
    assert one.total_bytes == sum(len(one.body(slot)) for slot in one.slots)


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_a_file_is_activities_blank_lines_and_a_footer(newline: str) -> None:
    made = archive(newline=newline)
    slot = next(made.slots)
    text = gzip.decompress(made.body(slot)).decode()
    assert text.count("\r\n") == (text.count("\n") if newline == "\r\n" else 0)
    assert "\n\n" in text.replace("\r", "")
    *activities, last = [json.loads(line) for line in text.split("\n") if line.strip()]
    assert last["info"]["activity_count"] == len(activities) == made.records(slot)
    for activity in activities:
        assert activity["id"]
        assert f"{slot:%Y-%m-%dT%H:%M}"[:-1] in activity["postedTime"]


@pytest.mark.parametrize(
    ("size", "least", "most"), [("small", 3_000, 6_000), ("large", 250_000, 450_000)]
)
def test_files_have_the_requested_size(size: Any, least: int, most: int) -> None:
    made = archive(size=size, slots=4, silent=0.0)
    assert least < sum(len(made.body(slot)) for slot in made.slots) / 4 < most


def test_no_slot_or_every_slot_may_be_silent() -> None:
    assert archive(silent=0.0).files == 36
    assert archive(silent=1.0).files == 0


def test_a_quarter_of_a_year_is_generated_on_request() -> None:
    made = archive(slots=12_960, silent=0.0)
    assert made.files == 12_960


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="knob named nosuch"):
        GnipHptEmulator(nosuch=1)


@pytest.mark.parametrize("auth", [None, (USERNAME, "wrong"), ("other", PASSWORD)])
def test_wrong_credentials_get_401_and_json(account: Start, auth: Any) -> None:
    url = account().emulator.url
    answer = requests.get(f"{url}/accounts/acme/jobs.json", auth=auth, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (401, "error")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_results_before_delivery_get_404_and_json(account: Start, form: str) -> None:
    emulator = account().emulator
    base = f"{emulator.url}/historical/powertrack/accounts/acme/publishers/twitter/jobs"
    answer = requests.get(
        f"{base}/{emulator.ids['quoted']}/results.{form}", auth=(USERNAME, PASSWORD), timeout=10
    )
    assert (answer.status_code, answer.json()["status"]) == (404, "error")


def test_a_job_object_has_no_results_before_delivery(account: Start) -> None:
    emulator = account().emulator
    base = f"{emulator.url}/accounts/acme/publishers/twitter/historical/track/jobs"
    for name, uuid in emulator.ids.items():
        answer = requests.get(f"{base}/{uuid}.json", auth=(USERNAME, PASSWORD), timeout=10).json()
        assert ("results" in answer) == emulator.known[uuid].delivered, name


def test_links_serve_the_archive_and_take_no_credentials(account: Start) -> None:
    here = account()
    made = here.emulator.known[JOB].archive
    for file in here.files():
        assert requests.get(file.url, timeout=10).content == made.body(file.start)
    refused = requests.get(here.files()[0].url, auth=(USERNAME, PASSWORD), timeout=10)
    assert (refused.status_code, "InvalidArgument" in refused.text) == (400, True)


@pytest.mark.parametrize("change", [("%2B", "+"), ("%2F", "/"), ("%3D", "="), ("/00_", "/10_")])
def test_a_link_that_is_altered_is_refused(account: Start, change: tuple[str, str]) -> None:
    here = account(slots=72)
    urls = [file.url for file in here.files() if change[0] in file.url]
    assert urls
    assert requests.get(urls[0], timeout=10).status_code == 200
    altered = requests.Request("GET", "http://127.0.0.1/").prepare()
    altered.url = urls[0].replace(*change)  # directly: requests would quote it again
    with requests.Session() as session:
        answer = session.send(altered, timeout=10)
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


def test_a_silent_slot_has_no_object(account: Start) -> None:
    here = account(silent=0.5)
    made = here.emulator.known[JOB].archive
    silent = next(
        mark
        for mark in (
            made.start + index * (made.end - made.start) / made.count for index in range(12)
        )
        if not made.records(mark)
    )
    key = f"snapshots/twitter/track/activity_streams/acme/2014/05/19/{made.folder}/{silent:%Y/%m/%d/%H/%M}_activities.json.gz"
    answer = requests.get(here.emulator.storage.link(key), timeout=10)
    assert (answer.status_code, "NoSuchKey" in answer.text) == (404, True)


def test_links_may_stop_before_the_job_expires(account: Start) -> None:
    here = account(link_lifetime=-1)
    assert here.status().warnings == ()
    answer = requests.get(here.files()[0].url, timeout=10)
    assert (answer.status_code, "expired" in answer.text) == (403, True)


def test_a_fault_can_corrupt_the_footer(account: Start) -> None:
    here = account(faults="bad_footer")
    file = here.files()[0]
    spoilt, good = (gzip.decompress(requests.get(file.url, timeout=10).content) for _ in range(2))
    counts = [
        json.loads(text.rstrip().split(b"\n")[-1])["info"]["activity_count"]
        for text in (spoilt, good)
    ]
    assert counts[0] == counts[1] + 1

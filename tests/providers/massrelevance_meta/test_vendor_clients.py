"""The documentation's curl commands, and the calls of the API's own client, against the emulator."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.shell import shell

from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator
from backhaul_massrelevance_meta.synthetic_entities import NUMBER

Start = Callable[..., MassRelevanceMetaEmulator]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(MassRelevanceMetaEmulator(**settings))


def curl(emulator: MassRelevanceMetaEmulator, path: str, folder: Path) -> Any:
    return json.loads(shell(f"curl -sS -g '{emulator.url}/{path}'", folder))


@pytest.mark.parametrize(
    ("path", "full_name"),
    [
        ("bdainton/kindle.json", "bdainton/kindle"),
        ("bdainton/kindle/meta.json", "bdainton/kindle"),
        ("MassRelDemo/things-we-do/meta.json", "MassRelDemo/things-we-do"),
    ],
)
def test_curl_asks_for_a_streams_meta(
    start: Start, tmp_path: Path, path: str, full_name: str
) -> None:
    meta = curl(start(), path, tmp_path)
    assert meta["full_name"] == full_name
    assert meta["created_at"].endswith("Z")
    assert set(meta["count"]) == {"total", "rejected", "pending", "approved"}
    for part in ("minute", "hourly", "daily"):
        assert set(meta["activity"][part]) == set(meta["count"])
    advanced = {"top", "top_periods", "hashtags", "links", "contributors", "buckets"}
    assert (meta.keys() >= advanced) is full_name.startswith("MassRelDemo")


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [
        ("num_hashtags=5", "hashtags", {"hashtag", "count"}),
        ("num_links=5", "links", {"link", "count"}),
        ("num_contributors=5", "contributors", {"name", "count"}),
    ],
)
def test_curl_asks_for_five_of_the_most_used(
    start: Start, tmp_path: Path, query: str, name: str, expected: set[str]
) -> None:
    found = curl(start(), f"MassRelDemo/things-we-do/meta.json?{query}", tmp_path)[name]
    assert [set(each) for each in found] == [expected] * 5


def test_curl_asks_for_the_top_of_three_periods(start: Start, tmp_path: Path) -> None:
    query = "top_periods=a,20120926,2012092616&top_count=3"
    found = curl(start(), f"MassRelDemo/things-we-do/meta.json?{query}", tmp_path)
    assert found["top_periods"] == ["a", "20120926", "2012092616"]
    assert {period: len(tweets) for period, tweets in found["top"].items()} == dict.fromkeys(
        found["top_periods"], 3
    )


def test_curl_asks_for_topics_and_moments(start: Start, tmp_path: Path) -> None:
    emulator = start()
    page = "MassRelDemo/things-we-do/meta.json"
    assert set(curl(emulator, f"{page}?num_trends=5", tmp_path)["buckets"]) == {"top", "count"}
    moments = curl(emulator, f"{page}?top_moments=a&top_moments_relative=1,2", tmp_path)
    assert set(moments["moments"]) == set(moments["moments_periods"])


def test_xml_has_the_same_pages(start: Start, tmp_path: Path) -> None:
    emulator = start()
    for path in ("bdainton/kindle.xml", "bdainton/kindle/meta.xml"):
        text = shell(f"curl -sS {emulator.url}/{path}", tmp_path)
        assert "<full_name>bdainton/kindle</full_name>" in text


def test_the_list_of_an_account_has_its_streams(start: Start, tmp_path: Path) -> None:
    emulator = start()
    named = {
        account: [
            stream["full_name"] for stream in curl(emulator, f"{account}.json", tmp_path)["streams"]
        ]
        for account in ("bdainton", "MassRelDemo")
    }
    assert named == {
        "bdainton": ["bdainton/kindle", "bdainton/harbor", "bdainton/things-we-do"],
        "MassRelDemo": ["MassRelDemo/things-we-do"],
    }


def ids(emulator: MassRelevanceMetaEmulator, **query: Any) -> list[str]:
    url = f"{emulator.url}/bdainton/kindle.json"
    found = requests.get(url, params=query, timeout=10).json()
    return [entity["entity_id"] for entity in found]


def test_a_poller_walks_the_entities_in_both_directions(start: Start) -> None:
    emulator = start(stream_page="entities")
    newest = ids(emulator)
    assert len(newest) == 50
    assert newest == sorted(newest, reverse=True)
    back = list(newest)
    while page := ids(emulator, start=back[-1], limit=30):
        back += page
    assert len(back) == len(set(back)) == NUMBER
    assert ids(emulator, since_id=back[-1], limit=10) == back[:10]
    assert ids(emulator, from_id=back[-1], limit=10) == back[-11:-1]
    assert ids(emulator, since_id=back[0]) == []
    assert ids(emulator, start_id=back[2], limit=1) == [back[3]]
    # Only the first of the three counts; an unknown entity gives the newest.
    assert ids(emulator, since_id=back[2], start=back[5]) == back[:2]
    assert ids(emulator, start="17") == back[:1]


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_an_invalid_limit_is_refused(start: Start, limit: str) -> None:
    url = f"{start(stream_page='entities').url}/bdainton/kindle.json?limit={limit}"
    assert requests.get(url, timeout=10).status_code == 500


@pytest.mark.parametrize("parameter", ["callback", "jsonp"])
@pytest.mark.parametrize("path", ["bdainton.json", "bdainton/kindle/meta.json"])
def test_a_browser_asks_for_jsonp(start: Start, parameter: str, path: str) -> None:
    url = f"{start().url}/{path}"
    answer = requests.get(url, params={parameter: "massrel._json1"}, timeout=10)
    assert answer.headers["Content-Type"].startswith("application/javascript")
    assert answer.text.startswith("massrel._json1({")
    assert json.loads(answer.text.removeprefix("massrel._json1(").removesuffix(");"))
    assert requests.get(url, params={parameter: "a b"}, timeout=10).status_code == 500


@pytest.mark.parametrize(
    "path",
    [
        "other.json",
        "bdainton.xml",
        "other/kindle.json",
        "bdainton/none.json",
        "bdainton/kindle.rss",
    ],
)
def test_a_missing_resource_is_404_with_a_blank_body(start: Start, path: str) -> None:
    answer = requests.get(f"{start().url}/{path}", timeout=10)
    assert (answer.status_code, answer.content) == (404, b"")

"""Stream metadata: the hooks, against the emulator over real HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from tests.messages import assert_messages, missing_facts

import backhaul_massrelevance_meta as plugin
from backhaul import (
    ConfigError,
    Content,
    FailureKind,
    Http,
    JobState,
    NotFoundError,
    RemoteFile,
    Request,
)
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator
from backhaul_massrelevance_meta.options import MassRelevanceSource, MetaJob


@pytest.fixture(scope="module")
def provider() -> Provider:
    return build(plugin, name="massrelevance-meta")


@pytest.fixture(scope="module")
def emulator() -> Iterator[MassRelevanceMetaEmulator]:
    with MassRelevanceMetaEmulator() as running:
        yield running


@pytest.fixture
def source(emulator: MassRelevanceMetaEmulator) -> MassRelevanceSource:
    keys = emulator.source()
    assert keys.pop("provider") == "massrelevance-meta"
    emulator.requests.clear()
    return MassRelevanceSource.model_validate(keys)


def a_job(**keys: Any) -> MetaJob:
    days = {"from": "2012-09-26", "to": "2012-10-01", "every": "1d"}
    return MetaJob.model_validate({"stream": "kindle", **days, **keys})


def fetch(
    provider: Provider, http: Http, source: MassRelevanceSource, job: MetaJob
) -> list[tuple[RemoteFile, bytes]]:
    found = []
    for file in provider.resolve_files(http, source, job):
        request = provider.fetch_file(http, source, job, file)
        assert isinstance(request, Request)
        found.append((file, http.get(request.url).content))
    return found


def seen(body: bytes) -> Content:
    return Content(len(body), "0" * 64, document=body)


def test_a_series_has_a_file_per_period_and_format(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    job = a_job(formats=["json", "xml"], to="2012-09-28")
    files = list(provider.resolve_files(http, source, job))
    assert [file.name for file in files] == [
        "bdainton_kindle_meta_20120927T000000Z.json",
        "bdainton_kindle_meta_20120927T000000Z.xml",
        "bdainton_kindle_meta_20120928T000000Z.json",
        "bdainton_kindle_meta_20120928T000000Z.xml",
    ]
    assert [file.content for file in files] == ["json", "xml", "json", "xml"]
    assert files[0].start == datetime(2012, 9, 26, tzinfo=UTC)
    assert files[0].end == datetime(2012, 9, 27, tzinfo=UTC)


def test_finish_is_always_sent(
    provider: Provider, http: Http, source: MassRelevanceSource, emulator: MassRelevanceMetaEmulator
) -> None:
    job = a_job(params={"num_minutes": 5})
    fetch(provider, http, source, job)
    asked = [
        entry.query for entry in emulator.requests if entry.path == "/bdainton/kindle/meta.json"
    ]
    first = int(datetime(2012, 9, 27, tzinfo=UTC).timestamp())
    assert asked == [f"num_minutes=5&finish={first + day * 86_400}" for day in range(5)]


def test_a_snapshot_can_be_requested_again(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    assert fetch(provider, http, source, a_job()) == fetch(provider, http, source, a_job())


def test_a_snapshot_is_not_requested_in_parts(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    file = next(provider.resolve_files(http, source, a_job()))
    request = provider.fetch_file(http, source, a_job(), file)
    assert isinstance(request, Request)
    assert not request.ranges


def test_an_existing_stream_is_ready(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    status = provider.get_status(http, source, a_job(params={"num_minutes": 1440}))
    assert status.state is JobState.READY
    assert status.message == "Talk about reading devices."
    assert len(status.slots) == 1
    assert status.warnings == ()


def test_an_unknown_stream_suggests_a_similar_one(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    with pytest.raises(ConfigError, match=r"\bkindel\b.*\bkindle\b"):
        provider.get_status(http, source, a_job(stream="kindel"))


def test_an_unknown_stream_lists_the_existing_ones(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    with pytest.raises(ConfigError, match="kindle, harbor, things-we-do"):
        provider.get_status(http, source, a_job(stream="zzz"))


def test_an_unknown_account_is_reported(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    other = source.model_copy(update={"account": "nobody"})
    with pytest.raises(NotFoundError, match="nobody"):
        provider.get_status(http, other, a_job())
    with pytest.raises(NotFoundError, match="nobody"):
        list(provider.list_jobs(http, other))


def test_the_jobs_are_the_streams_of_the_account(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    jobs = list(provider.list_jobs(http, source))
    assert [job.id for job in jobs] == ["kindle", "harbor", "things-we-do"]
    assert jobs[0].start == datetime(2010, 9, 21, 19, 18, 20, tzinfo=UTC)
    assert jobs[0].meta["full_name"] == "bdainton/kindle"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({}, ["num_minutes", "60", "1440"]),
        ({"stream": "harbor", "params": {"num_minutes": 1440}}, ["2012-09-27"]),
        ({"params": {"activity": 0, "top_periods_relative": "1"}}, []),
        ({"to": "2999-01-01", "params": {"num_minutes": 1440}}, []),
    ],
)
def test_noteworthy_facts_are_warnings(
    provider: Provider,
    http: Http,
    source: MassRelevanceSource,
    keys: dict[str, Any],
    named: list[str],
) -> None:
    assert_messages(provider.get_status(http, source, a_job(**keys)).warnings, ["", *named])


def test_complete_snapshots_in_both_formats_have_no_problems(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    params = {"num_minutes": 1440, "num_hours": 24, "num_days": 7}
    job = a_job(formats=["json", "xml"], params=params)
    snapshots = fetch(provider, http, source, job)
    assert len(snapshots) == 10
    for file, body in snapshots:
        assert provider.check_file(source, job, file, seen(body)) == []


def test_shorter_arrays_of_a_young_stream_are_reported_and_kept(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    job = a_job(stream="things-we-do", params={"num_minutes": 1440, "num_days": 7})
    file, body = fetch(provider, http, source, job)[0]
    (problem,) = provider.check_file(source, job, file, seen(body))
    assert (problem.kind, problem.fatal) == (FailureKind.COUNT_MISMATCH, False)
    counts = ("minute", "533", "1440", "hourly", "9", "24", "daily", "1", "7")
    assert not missing_facts(problem.message, "", *counts)


def _meta(**keys: Any) -> bytes:
    arrays = {kind: [1, 2] for kind in ("total", "rejected", "pending", "approved")}
    activity = {"minute": arrays, "hourly": arrays, "daily": arrays}
    return json.dumps({"name": "kindle", "activity": activity, **keys}).encode()


TWO = {"num_minutes": 2, "num_hours": 2, "num_days": 2}


@pytest.mark.parametrize(
    ("document", "params", "expected"),
    [
        (_meta(), TWO, []),
        (_meta(name="Kindle"), TWO, []),
        (_meta(activity=None), {"activity": 0}, []),
        (_meta(name="other"), TWO, [(FailureKind.NOT_DATA, True, ["'other'"])]),
        (b"[]", TWO, [(FailureKind.NOT_DATA, True, [])]),
        (b'{"error":"x"}', TWO, [(FailureKind.NOT_DATA, True, [])]),
        (_meta(activity=[]), TWO, [(FailureKind.COUNT_MISMATCH, False, ["activity"])]),
        (
            _meta(activity={"minute": {}, "hourly": {}, "daily": {}}),
            TWO,
            [
                (
                    FailureKind.COUNT_MISMATCH,
                    False,
                    ["minute", "hourly", "daily", "total, rejected, pending, approved"],
                )
            ],
        ),
    ],
)
def test_a_snapshot_is_checked_against_the_request(
    provider: Provider,
    source: MassRelevanceSource,
    document: bytes,
    params: dict[str, int],
    expected: list[tuple[FailureKind, bool, list[str]]],
) -> None:
    file = RemoteFile("x.json", content="json")
    problems = provider.check_file(source, a_job(params=params), file, seen(document))
    assert [(each.kind, each.fatal) for each in problems] == [each[:2] for each in expected]
    assert_messages([each.message for each in problems], *(["", *named] for *_, named in expected))


def test_arrays_of_different_lengths_are_reported(
    provider: Provider, source: MassRelevanceSource
) -> None:
    document = json.loads(_meta())
    document["activity"]["daily"] = {
        "total": [1],
        "rejected": [1, 2],
        "pending": [],
        "approved": [],
    }
    file = RemoteFile("x.json", content="json")
    (problem,) = provider.check_file(
        source, a_job(params=TWO), file, seen(json.dumps(document).encode())
    )
    assert "total 1, rejected 2, pending 0, approved 0" in problem.message


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (b"<meta><name>kindle</name></meta>", None),
        (b"<meta/>", None),
        (b"<meta><name>other</name></meta>", "'other'"),
        (b"<meta>", "XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML"),
    ],
)
def test_xml_is_read_safely_and_its_name_compared(
    provider: Provider, source: MassRelevanceSource, document: bytes, named: str | None
) -> None:
    file = RemoteFile("x.xml", content="xml")
    problems = provider.check_file(source, a_job(), file, seen(document))
    assert_messages([each.message for each in problems], *([("", named)] if named else []))


def test_both_formats_have_the_same_content(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    job = a_job(to="2012-09-27", formats=["json", "xml"], stream="things-we-do")
    (_, as_json), (_, as_xml) = fetch(provider, http, source, job)
    minutes = json.loads(as_json)["activity"]["minute"]["total"]
    items = fromstring(as_xml).find("activity/minute/total")
    assert [int(item.text) for item in items] == minutes


def test_advanced_sections_are_returned_on_request(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    params = {"top_periods": "a,20120926", "top_count": 3, "num_links": 2, "networks": 1}
    job = a_job(to="2012-09-27", stream="things-we-do", params=params)
    ((_, body),) = fetch(provider, http, source, job)
    meta = json.loads(body)
    assert {period: len(tweets) for period, tweets in meta["top"].items()} == {
        "a": 3,
        "20120926": 3,
    }
    assert len(meta["links"]) == 2
    assert "networks" in meta


def test_a_name_with_special_characters_is_safe_in_url_and_file(
    provider: Provider, http: Http, source: MassRelevanceSource
) -> None:
    job = a_job(stream="café:1")
    file = next(provider.resolve_files(http, source, job))
    request = provider.fetch_file(http, source, job, file)
    assert isinstance(request, Request)
    assert file.name == "bdainton_caf%C3%A9%3A1_meta_20120927T000000Z.json"
    assert "/bdainton/caf%C3%A9%3A1/meta.json?" in request.url


def test_faults_for_files_do_not_affect_status_requests(
    provider: Provider, http: Http, source: MassRelevanceSource, emulator: MassRelevanceMetaEmulator
) -> None:
    job = a_job(to="2012-09-27")
    emulator.faults.replace("not_found:all")
    try:
        assert provider.get_status(http, source, job).state is JobState.READY
        with pytest.raises(NotFoundError):
            fetch(provider, http, source, job)
    finally:
        emulator.faults.replace("")

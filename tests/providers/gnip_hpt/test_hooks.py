"""The hooks over real HTTP, against the emulator."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.messages import missing_facts
from werkzeug import Request, Response

from backhaul import (
    AuthError,
    ConfigError,
    FailureKind,
    JobState,
    NotDataError,
    NotFoundError,
    ProviderError,
    RemoteFile,
    Secret,
    Totals,
)
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.verifier import verify_small
from backhaul_gnip_hpt.emulator import JOB, TITLE, GnipHptEmulator
from backhaul_gnip_hpt.rollup import COLUMNS

Start = Callable[..., Any]
V1 = "/accounts/acme/publishers/twitter/historical/track/jobs"
V2 = "/historical/powertrack/accounts/acme/publishers/twitter/jobs"


class Odd(GnipHptEmulator):
    """Returns a body chosen by the test for one path suffix."""

    ends = ""
    body = ""
    status = 200

    def api(self, request: Request) -> Response:
        if request.path.endswith(self.ends):
            return Response(self.body, self.status, mimetype="application/json")
        return super().api(request)


def odd(ends: str, body: str, status: int = 200) -> type[Odd]:
    return type("Odd", (Odd,), {"ends": ends, "body": body, "status": status})


@pytest.mark.parametrize(
    ("version", "listing"), [(1, "/accounts/acme/jobs.json"), (2, f"{V2}.json")]
)
def test_all_jobs_are_listed_in_one_call(account: Start, version: int, listing: str) -> None:
    here = account(api_version=version)
    jobs = {job.id: job for job in here.provider.list_jobs(here.http, here.source)}
    assert set(jobs) == set(here.emulator.ids.values())
    assert (jobs[JOB].title, jobs[JOB].state) == (TITLE, JobState.READY)
    assert (jobs[JOB].start, jobs[JOB].end) == (
        datetime(2014, 5, 17, tzinfo=UTC),
        datetime(2014, 5, 17, 2, tzinfo=UTC),
    )
    assert jobs[here.emulator.ids["quoted"]].meta["status"] == "quoted"
    assert here.paths() == [listing]


def test_a_list_without_the_accounts_totals_is_a_list(account: Start) -> None:
    here = account(account_totals=False)
    assert list(here.provider.list_jobs(here.http, here.source))


def test_a_listed_job_without_a_url_is_identified_by_its_uuid_or_skipped(account: Start) -> None:
    body = '{"jobs": [{"title": "a"}, {"uuid": "u1"}, 7, {"jobURL": "http://[x"}, {"jobURL": "https://h:443/jobs/u2.json", "uuid": "other"}]}'
    here = account(odd("jobs.json", body))
    assert [job.id for job in here.provider.list_jobs(here.http, here.source)] == ["u1", "u2"]


@pytest.mark.parametrize("body", ["[]", "{}", '{"jobs": {}}', "null"])
def test_a_list_of_the_wrong_shape_is_refused(account: Start, body: str) -> None:
    here = account(odd("jobs.json", body))
    with pytest.raises(NotDataError, match=r"jobs\.json"):
        list(here.provider.list_jobs(here.http, here.source))


@pytest.mark.parametrize(("version", "base"), [(1, V1), (2, V2)])
def test_a_delivered_job_costs_two_calls_and_has_all_totals(
    account: Start, version: int, base: str
) -> None:
    here = account(api_version=version)
    archive = here.emulator.known[JOB].archive
    status = here.status()
    assert status.state is JobState.READY
    assert status.totals == Totals(archive.files, archive.total_records, archive.total_bytes)
    assert (status.slots[0].start, status.slots[0].end) == (archive.start, archive.end)
    assert status.expires is not None
    assert status.warnings == ()
    assert here.paths() == [f"{base}/{JOB}.json", f"{base}/{JOB}/results.json"]


@pytest.mark.parametrize("numbers", ["text", "null", "missing"])
def test_counts_may_be_strings_or_missing(account: Start, numbers: str) -> None:
    here = account(numbers=numbers)
    archive = here.emulator.known[JOB].archive
    totals = here.status().totals
    assert totals.files == archive.files
    assert totals.records == (archive.total_records if numbers == "text" else None)


@pytest.mark.parametrize(
    ("name", "state", "word"),
    [
        ("opened", JobState.PENDING, "opened"),
        ("estimating", JobState.PENDING, "estimating"),
        ("quoted", JobState.PENDING, "quoted"),
        ("accepted", JobState.PENDING, "accepted"),
        ("completed", JobState.RUNNING, "completed"),
        ("rejected", JobState.FAILED, "rejected"),
        ("failed", JobState.FAILED, "failed"),
        ("expired", JobState.EXPIRED, "2014-06-03 22:29Z"),
        ("other twin", JobState.READY, "finished"),
    ],
)
def test_each_state_is_distinguished(account: Start, name: str, state: JobState, word: str) -> None:
    here = account()
    status = here.status(id=here.emulator.ids[name])
    assert status.state is state
    assert word in status.message


def test_a_running_job_becomes_delivered(account: Start) -> None:
    here = account(polls=2)
    job = here.emulator.ids["running"]
    states = [here.status(id=job).state for _ in range(3)]
    assert states == [JobState.RUNNING, JobState.RUNNING, JobState.READY]


def test_an_expired_job_whose_links_are_listed_is_ready_with_a_warning(account: Start) -> None:
    status = account(expires_in=-3600).status()
    assert status.state is JobState.READY
    assert len(status.warnings) == 1


def test_a_local_clock_that_is_ahead_does_not_expire_a_job(account: Start) -> None:
    here = account(expires_in=3600, faults="api/clock=-7200")
    assert here.status().warnings == ()
    late = account(expires_in=3600, faults="api/clock=7200")
    assert len(late.status().warnings) == 1


def test_an_error_object_is_an_error_and_not_a_job(account: Start) -> None:
    here = account(odd(f"{JOB}.json", '{"status": "error", "reason": "quota is used up"}'))
    with pytest.raises(ProviderError, match="quota is used up"):
        here.status()


@pytest.mark.parametrize("body", ['{"status": "error"}', '{"error": "no such thing"}'])
def test_an_error_object_in_place_of_links_is_an_error(account: Start, body: str) -> None:
    here = account(odd("results.json", body))
    with pytest.raises(ProviderError):
        here.files()


@pytest.mark.parametrize(
    "body", ["<html>log in, your session expired</html>", "[]", '{"urlCount": 2}']
)
def test_links_of_another_shape_are_not_data(account: Start, body: str) -> None:
    here = account(odd("results.json", body))
    for ask in (here.status, here.files):
        with pytest.raises(NotDataError):
            ask()


def test_a_wrong_password_is_tried_once(account: Start) -> None:
    here = account()
    here.source = here.source.model_copy(update={"password": Secret("wrong")})
    with pytest.raises(AuthError):
        here.status()
    assert len(here.emulator.requests) == 1


def test_an_unknown_id_is_named_with_its_account(account: Start) -> None:
    with pytest.raises(NotFoundError, match=r"'acme'.*'nosuchjob'"):
        account().status(id="nosuchjob")


def test_an_account_with_access_to_links_only_gets_its_files(account: Start) -> None:
    here = account(one_time=True)
    status = here.status()
    assert status.state is JobState.READY
    assert status.slots == ()
    assert status.totals.files == len(here.files())
    assert len(status.warnings) == 1


def test_an_account_with_access_to_links_only_waits_for_them(account: Start) -> None:
    here = account(one_time=True)
    assert here.status(id=here.emulator.ids["running"]).state is JobState.PENDING


def test_finding_a_job_by_title_costs_one_more_call(account: Start) -> None:
    here = account()
    assert here.status(title=TITLE).state is JobState.READY
    assert here.paths() == [f"{V2}.json", f"{V2}/{JOB}.json", f"{V2}/{JOB}/results.json"]
    by_title, by_id = here.files(title=TITLE), here.files()
    assert [file.name for file in by_title] == [file.name for file in by_id]


def test_a_misspelt_title_suggests_the_nearest_ones(account: Start) -> None:
    with pytest.raises(ConfigError, match="'WorldCup test'"):
        account().status(title="Worldcup Test")


def test_a_title_shared_by_two_jobs_lists_their_ids(account: Start) -> None:
    here = account()
    with pytest.raises(ConfigError) as refused:
        here.status(title="twins")
    twin, other = (f"id: {here.emulator.ids[name]}" for name in ("twin", "other twin"))
    assert twin in str(refused.value)
    assert other in str(refused.value)


@pytest.mark.parametrize("links", ["json", "csv"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_the_files_have_the_csv_names_their_slots_and_both_other_spellings(
    account: Start, links: str, style: str
) -> None:
    here = account(link_style=style, silent=0.4)
    archive = here.emulator.known[JOB].archive
    files = here.files(links=links)
    assert [file.start for file in files] == list(archive.slots)
    assert 0 < len(files) < archive.count
    first, slot = files[0], files[0].start
    assert first.name == f"20140517-20140517_{JOB}_{slot:%Y_%m_%d_%H_%M}_activities.json.gz"
    assert first.aliases == (
        f"20140517-20140517_{JOB}{slot:%Y%m%d%H%M}_activities.json.gz",
        f"{JOB}_{slot:%Y_%m_%d_%H_%M}_activities.json.gz",
    )
    assert here.paths() == [f"{V2}/{JOB}/results.{links}"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_the_csv_is_read_with_any_line_end(account: Start, newline: str, last: bool) -> None:  # noqa: FBT001 - a test parameter
    here = account(csv_newline=newline, csv_last_newline=last)
    assert len(here.files(links="csv")) == here.emulator.known[JOB].archive.files
    assert here.status(links="csv").totals.bytes is None


def test_names_stay_the_same_when_links_are_signed_again(account: Start) -> None:
    here = account()
    first, second = here.files(), here.files()
    assert [file.name for file in first] == [file.name for file in second]
    assert [file.url for file in first] != [file.url for file in second]


def test_links_listed_twice_and_a_wrong_count_are_reported_and_harmless(account: Start) -> None:
    here = account(twice=2, miscount=1, early_spelling=True)
    archive = here.emulator.known[JOB].archive
    warnings = " / ".join(here.status().warnings)
    counts = (str(archive.files + 3), "urlCount", str(archive.files + 2))
    assert not missing_facts(warnings, "", *counts, "2 duplicate links"), warnings
    assert len(here.files()) == archive.files


def test_suspect_minutes_are_a_file_and_a_warning(account: Start) -> None:
    here = account(suspect_minutes=True)
    *_, suspect = here.files()
    assert suspect.name == f"20140517-20140517_{JOB}_suspectMinutes.json"
    assert suspect.optional
    assert "suspectMinutes.json" in here.status().warnings[-1]
    assert here.http.get(suspect.url).json()["suspectMinutes"]


def test_addresses_in_the_answers_are_never_followed(account: Start) -> None:
    # The emulator returns the vendor's host there: a call to it would leave the machine and fail.
    here = account(vendor_urls=True)
    assert here.status(title=TITLE).state is JobState.READY
    assert here.files()


def test_a_base_url_with_a_prefix_is_kept(account: Start) -> None:
    here = account()
    here.source = here.source.model_copy(update={"base_url": f"{here.emulator.url}/proxy"})
    with pytest.raises(NotFoundError):
        here.status()
    assert here.paths()[0] == f"/proxy{V2}/{JOB}.json"


def test_an_accounts_name_is_quoted_in_the_path(account: Start) -> None:
    here = account()
    here.source = here.source.model_copy(update={"account": "a/b ../c"})
    with pytest.raises(NotFoundError):
        here.status()
    assert "/accounts/a%2Fb%20..%2Fc/" in here.paths()[0]


def test_a_request_is_the_link_byte_for_byte_until_its_own_expiry(account: Start) -> None:
    here = account(link_lifetime=600, expires_in=86400)
    file = here.files()[0]
    request = here.provider.fetch_file(here.http, here.source, here.job(), file)
    assert request.url == file.url
    assert (request.auth, dict(request.headers), request.ranges) == (None, {}, True)
    assert 500 < (request.expires - datetime.now(UTC)).total_seconds() <= 601  # whole seconds
    assert here.http.get(request.url).content[:2] == b"\x1f\x8b"


@pytest.mark.parametrize(
    "knobs", [{}, {"newline": "\n"}, {"numbers": "text"}, {"size": "large", "slots": 2}]
)
def test_a_complete_file_has_no_problem(account: Start, knobs: dict[str, Any]) -> None:
    here = account(**{"activities": None, **knobs})
    for file in here.files():
        body = here.http.get(file.url).content
        content = verify_small(
            body, file.content, footer_lines=file.footer_lines, limits=ContentLimits()
        )
        assert content.records == here.emulator.known[JOB].archive.records(file.start)
        assert here.provider.check_file(here.source, here.job(), file, content) == []


def test_a_file_whose_footer_disagrees_has_one_problem(account: Start) -> None:
    here = account(faults="bad_footer")
    file = here.files()[0]
    body = here.http.get(file.url).content
    content = verify_small(
        body, file.content, footer_lines=file.footer_lines, limits=ContentLimits()
    )
    (problem,) = here.provider.check_file(here.source, here.job(), file, content)
    assert problem.kind is FailureKind.COUNT_MISMATCH


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://s3.example.org/a", "//s3.example.org/a", None]
)
def test_a_link_that_is_not_http_is_refused_by_name(account: Start, url: str | None) -> None:
    here = account()
    with pytest.raises(NotDataError, match=r"a\.json\.gz"):
        here.provider.fetch_file(here.http, here.source, here.job(), RemoteFile("a.json.gz", url))


def test_the_provider_names_the_columns_of_both_formats() -> None:
    columns = {column.name: column.path for column in COLUMNS}
    assert columns == {
        "id": "id",
        "time": "postedTime|created_at",
        "kind": "verb",
        "author": "actor.preferredUsername|user.screen_name",
        "text": "body|text",
    }

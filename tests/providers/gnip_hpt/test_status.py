"""`status` alone determines a job's progress."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.messages import assert_messages, missing_facts
from tests.usual import usual

from backhaul import JobState, NotDataError, NotFoundError, ProviderError, Slots, Totals
from backhaul_gnip_hpt import results as reading
from backhaul_gnip_hpt.results import Results
from backhaul_gnip_hpt.status import from_job, state_of, with_results, without_results

NOW = datetime(2014, 5, 20, tzinfo=UTC)
LINK = "https://s3.example.org/20140517-20140517_kj4r26m0qx/2014/05/17/18/00_activities.json.gz?Signature=a"
DELIVERED: dict[str, Any] = {
    "title": "WorldCup test",
    "fromDate": "201405171800",
    "toDate": "201405171900",
    "status": "delivered",
    "statusMessage": "Job delivered and available for download.",
    "results": {
        "activityCount": 11860,
        "fileCount": 6,
        "fileSizeMb": "5.07",
        "expiresAt": "2014-06-03T22:29:46Z",
    },
    "percentComplete": 100,
}


def read_json(document: Any) -> Results:
    return reading.read_json(io.BytesIO(json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("opened", JobState.PENDING),
        ("open", JobState.PENDING),
        ("estimating", JobState.PENDING),
        ("quoted", JobState.PENDING),
        ("accepted", JobState.PENDING),
        ("running", JobState.RUNNING),
        ("completed", JobState.RUNNING),
        ("delivered", JobState.READY),
        ("finished", JobState.READY),
        ("Delivered", JobState.READY),
        ("failed", JobState.FAILED),
        ("rejected", JobState.FAILED),
        ("polishing", JobState.RUNNING),
    ],
)
@pytest.mark.parametrize("percent", usual([0, 100, "100", None], 0, 100))
def test_percentage_and_message_never_decide(status: str, state: JobState, percent: Any) -> None:
    document = {"status": status, "statusMessage": "Job delivered.", "percentComplete": percent}
    assert from_job(document).state is state
    assert state_of(document) is state


@pytest.mark.parametrize(
    ("status", "named"),
    [
        ("opened", []),
        ("estimating", []),
        ("quoted", ["12000", "2014-05-26 22:15Z"]),
        ("accepted", []),
        ("completed", []),
        ("rejected", []),
        ("failed", []),
        ("polishing", ["'polishing'"]),
    ],
)
def test_the_message_has_the_status_and_the_quote_and_keeps_the_providers_words(
    status: str, named: list[str]
) -> None:
    quote = {"estimatedActivityCount": "12000", "expiresAt": "2014-05-26T22:15:58Z"}
    message = from_job({"status": status, "statusMessage": "Own words.", "quote": quote}).message
    assert not missing_facts(message, f"{status}: ", *named), message
    assert message.endswith("Own words.")


@pytest.mark.parametrize("document", [{}, {"status": None}, {"status": 7}, {"status": " "}])
def test_a_job_without_a_status_is_not_a_job(document: dict[str, Any]) -> None:
    with pytest.raises(NotDataError, match="status"):
        from_job(document)


def test_a_delivered_job_has_totals_expiry_and_slots() -> None:
    status = from_job(DELIVERED)
    assert status.totals == Totals(6, 11860)
    assert status.expires == datetime(2014, 6, 3, 22, 29, 46, tzinfo=UTC)
    assert status.slots == (
        Slots(
            datetime(2014, 5, 17, 18, tzinfo=UTC),
            datetime(2014, 5, 17, 19, tzinfo=UTC),
            every=timedelta(minutes=10),
        ),
    )
    assert status.warnings == ()


@pytest.mark.parametrize(
    ("counts", "totals"),
    [
        ({"activityCount": "11860", "fileCount": "6"}, Totals(6, 11860)),
        ({"activityCount": None, "fileCount": None}, Totals(None, None)),
        ({"activityCount": -1, "fileCount": -1}, Totals(None, None)),
        ({}, Totals(None, None)),
    ],
)
def test_totals_may_be_strings_null_or_missing(counts: dict[str, Any], totals: Totals) -> None:
    assert from_job({**DELIVERED, "results": counts}).totals == totals


@pytest.mark.parametrize("results", [None, [], "soon"])
def test_results_of_another_type_are_not_known(results: Any) -> None:
    assert from_job({**DELIVERED, "results": results}).totals == Totals()


def test_a_period_is_widened_to_whole_slots() -> None:
    (slots,) = from_job({**DELIVERED, "fromDate": "201405171807", "toDate": "201405171851"}).slots
    assert (slots.start.minute, slots.end.minute, slots.end.hour) == (0, 0, 19)


@pytest.mark.parametrize(
    "period",
    [
        {"fromDate": None},
        {"toDate": "soon"},
        {"toDate": "201405171800"},
        {"toDate": "201405161800"},
        {"fromDate": "000105171800"},
        {"fromDate": "999905171800", "toDate": "999912312359"},
    ],
)
def test_an_impossible_period_is_a_warning_without_slots(period: dict[str, Any]) -> None:
    status = from_job({**DELIVERED, **period})
    assert status.slots == ()
    assert len(status.warnings) == 1


def test_the_list_of_links_adds_the_size_and_fills_in_what_the_job_leaves_out() -> None:
    results = read_json({"urlCount": 1, "urlList": [LINK], "totalFileSizeBytes": 4096})
    assert with_results(from_job({**DELIVERED, "results": {}}), results, NOW).totals == Totals(
        1, None, 4096
    )


def test_the_jobs_own_count_stays_and_a_shorter_list_is_a_warning() -> None:
    status = with_results(from_job(DELIVERED), read_json({"urlCount": 1, "urlList": [LINK]}), NOW)
    assert status.totals == Totals(6, 11860, None)
    assert_messages(status.warnings, ("", "fileCount", "6", "1"))


def test_an_expired_job_whose_links_are_listed_is_tried() -> None:
    later = datetime(2014, 6, 4, tzinfo=UTC)
    status = with_results(
        from_job(DELIVERED), read_json({"urlCount": 6, "urlList": [LINK] * 6}), later
    )
    assert status.state is JobState.READY
    assert any("2014-06-03 22:29Z" in warning for warning in status.warnings)


def test_a_job_past_its_expiry_without_links_is_expired() -> None:
    status = without_results(
        from_job(DELIVERED), NotFoundError("404"), datetime(2014, 6, 4, tzinfo=UTC)
    )
    assert status.state is JobState.EXPIRED
    assert "2014-06-03 22:29Z" in status.message


def test_a_refusal_that_says_expired_means_expired_whatever_the_clock_says() -> None:
    status = without_results(from_job(DELIVERED), ProviderError("400: links have Expired"), NOW)
    assert status.state is JobState.EXPIRED


def test_a_delivered_job_without_links_yet_is_still_running() -> None:
    status = without_results(from_job(DELIVERED), NotFoundError("404"), NOW)
    assert status.state is JobState.RUNNING


def test_any_other_refusal_remains_a_refusal() -> None:
    refusal = ProviderError("the API says: no")
    with pytest.raises(ProviderError) as raised:
        without_results(from_job(DELIVERED), refusal, NOW)
    assert raised.value is refusal


_VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=14) | st.just({})
)


@given(st.dictionaries(st.sampled_from(sorted({*DELIVERED, "quote"})), _VALUE))
def test_any_json_is_a_status_or_refused(document: dict[str, Any]) -> None:
    try:
        status = from_job(document)
    except NotDataError:
        return
    assert status.percent is None or 0 <= status.percent <= 100

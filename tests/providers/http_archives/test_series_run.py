"""http-series with the real command: what is fetched, what is a gap, what is a fault."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.providers.http_archives.conftest import Made

from backhaul_http_archives.emulated_series import PASSWORD

HOUR = timedelta(hours=1)


def hours(*numbers: int, day: str = "2026-01-01") -> list[str]:
    return [f"{day}T{number:02d}:00:00Z" for number in numbers]


def test_three_days_with_five_hours_missing_for_good_are_complete(home: Made) -> None:
    gone = ["2026-01-01-3", "2026-01-01-4", "2026-01-02-0", "2026-01-03-22", "2026-01-03-23"]
    archive = home(missing=[f"{each}.json" for each in gone])
    archive.change(**{"from": "2026-01-01", "to": "2026-01-04"})
    # A block of NULs among the records.
    archive.one.faults.replace("zeros:all@*/2026-01-02-7.json.gz")
    code, job = archive.run()
    assert (code, job["state"]) == (0, "complete")
    assert (job["files"]["verified"], job["files"]["missing"]) == (67, 5)
    assert job["files"]["suspect"] == 1
    assert archive.gaps() == [
        *((start, "missing") for start in hours(3, 4)),
        *((start, "missing") for start in hours(0, day="2026-01-02")),
        *((start, "suspect") for start in hours(7, day="2026-01-02")),
        *((start, "missing") for start in hours(22, 23, day="2026-01-03")),
    ]
    assert "2026-01-01-9.json.gz" in archive.here
    archive.asked()
    code, job = archive.run()
    assert (code, job["files"]["fetched"], job["files"]["missing"]) == (0, 0, 5)
    assert archive.asked() == []


def test_a_missing_slot_is_requested_again_while_it_may_still_appear(home: Made) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    late, old = now - 30 * HOUR, now - 60 * HOUR
    paths = [f"{each:%Y-%m-%d}-{each.hour}.json" for each in (old, late)]
    archive = home(missing=paths)
    archive.change(source={"recheck": "40h"}, **{"from": "-3d", "to": "now"})
    code, job = archive.run()
    assert (code, job["files"]["missing"]) == (0, 2)
    archive.asked()
    archive.run()
    assert archive.asked() == [f"/hours/{paths[1]}.gz"]
    archive.run("--refresh")
    assert {f"/hours/{each}.gz" for each in paths} <= set(archive.asked())
    archive.one.missing.clear()  # type: ignore[attr-defined]  # of this emulator
    archive.run()
    assert f"{paths[1]}.gz" in archive.here
    assert f"{paths[0]}.gz" not in archive.here
    archive.run("--refresh")
    assert f"{paths[0]}.gz" in archive.here


def test_a_slot_that_is_not_due_is_pending_and_not_requested(home: Made) -> None:
    archive = home()
    now = datetime.now(UTC)
    first = now.replace(minute=0, second=0, microsecond=0) - 5 * HOUR
    archive.change(
        source={"lag": "2h"},
        **{"from": f"{first:%Y-%m-%dT%H:%M:%SZ}", "to": "+3h"},
    )
    code, plan = archive.command("plan")
    (job,) = plan["jobs"]
    due = (now - 2 * HOUR).replace(minute=0, second=0, microsecond=0)
    assert (code, job["files"]) == (0, (due - first) // HOUR)
    assert archive.asked() == []
    code, job = archive.run()
    assert (code, job["state"]) == (0, "complete")
    assert len(archive.asked()) == job["files"]["verified"] == (due - first) // HOUR
    pending = archive.gaps()
    assert {state for _, state in pending} == {"pending"}
    assert pending[0][0] == f"{due:%Y-%m-%dT%H:%M:%SZ}"
    assert job["files"]["pending"] == len(pending)


def test_many_missing_files_in_a_row_after_the_first_file_are_an_error(home: Made) -> None:
    archive = home(first="2026-01-02", last="2026-01-03", missing=())
    archive.change(
        source={"missing_run": 24},
        **{"from": "2026-01-01", "to": "2026-01-04"},
    )
    code, job = archive.run()
    assert (code, job["state"]) == (3, "partial")
    (failure,) = job["failures"]
    assert failure["kind"] == "not_found"
    assert "24" in failure["message"]
    assert "missing_run" in failure["message"]
    states = dict(archive.gaps())
    # The archive starts with its first available file.
    assert {states[start] for start in hours(*range(24))} == {"missing"}
    assert {states[start] for start in hours(*range(24), day="2026-01-03")} == {"unknown"}
    archive.asked()
    archive.run()
    assert len(archive.asked()) == 24
    archive.change(source={"missing_run": 25})
    code, job = archive.run()
    assert (code, job["files"]["missing"], job["files"]["unknown"]) == (0, 48, 0)


def test_missing_runs_are_counted_separately_for_each_combination_of_values(home: Made) -> None:
    archive = home(missing=["ETHUSDT-1m-2026-01-1"])
    archive.source.pop("content")
    archive.change(
        source={
            "url": f"{archive.one.url}/klines/{{symbol}}/{{symbol}}-1m-{{start:%Y-%m-%d}}.csv.gz",
            "every": "1d",
            "missing_run": 10,
        },
        **{
            "from": "2026-01-01",
            "to": "2026-01-22",
            "values": {"symbol": ["BTCUSDT", "ETHUSDT"]},
        },
    )
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["unknown"]) == (3, 32, 10)
    assert "ETHUSDT" in job["failures"][0]["message"]


def test_a_url_that_never_had_any_file_is_an_error(home: Made) -> None:
    archive = home()
    archive.change(source={"url": f"{archive.one.url}/hour/{{start:%F}}-{{start:%-H}}.json.gz"})
    code, job = archive.run()
    assert (code, job["state"], job["files"]["unknown"]) == (3, "failed", 48)
    assert [failure["kind"] for failure in job["failures"]] == ["not_found"]
    archive.change(source={"missing_run": 0})
    code, job = archive.run()
    assert (code, job["files"]["missing"]) == (0, 48)


def test_a_status_is_a_gap_only_if_the_source_says_so(home: Made) -> None:
    archive = home(refusal=403)
    code, job = archive.run()
    assert (code, {each["kind"] for each in job["failures"]}) == (4, {"denied"})
    archive.change(source={"missing": [403]})
    code, job = archive.run()
    assert (code, job["state"], job["files"]["missing"]) == (0, "complete", 2)


def test_only_404_means_missing_by_default(home: Made) -> None:
    archive = home(refusal=410)
    code, job = archive.run()
    assert (code, {each["kind"] for each in job["failures"]}) == (3, {"not_found"})
    archive.change(source={"missing": [404, 410]})
    code, job = archive.run()
    assert (code, job["files"]["missing"]) == (0, 2)


def test_a_404_is_a_failure_if_only_403_means_missing(home: Made) -> None:
    archive = home()
    archive.change(source={"missing": [403]})
    code, job = archive.run()
    assert code == 3
    assert [each["kind"] for each in job["failures"]] == ["not_found", "not_found"]
    assert job["files"]["missing"] == 0


def test_if_every_request_is_refused_the_credentials_are_to_blame(home: Made) -> None:
    archive = home(first="2030-01-01", refusal=403)
    archive.change(source={"missing": [403, 404], "missing_run": 0})
    code, job = archive.run()
    assert (code, job["state"]) == (4, "failed")
    assert [each["kind"] for each in job["failures"]] == ["denied"]


@pytest.mark.parametrize("only", [(), ("--until", "2026-01-01T03:00:00Z")])
def test_after_every_request_was_refused_all_files_are_requested_again(
    home: Made, only: tuple[str, ...]
) -> None:
    archive = home(missing=[])
    archive.change(source={"missing": [403, 404]})
    archive.one.faults.replace("page_403:all")
    assert archive.run()[0] == 4
    assert {state for _, state in archive.gaps()} == {"unknown"}
    code, job = archive.run(*only)
    assert (code, job["files"]["missing"]) == (4, 0)
    assert {state for _, state in archive.gaps()} == {"unknown"}
    archive.one.faults.replace("")
    code, job = archive.run()
    assert (code, job["state"], job["files"]["missing"]) == (0, "complete", 0)
    assert archive.gaps() == []


def test_a_wrong_login_is_found_before_any_file_is_requested(home: Made) -> None:
    archive = home()
    archive.change(source={"auth": {"basic": ["somebody", "wrong-password"]}})
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (4, "denied")
    assert len(archive.one.requests) == 1
    assert "wrong-password" not in json.dumps(job)


def test_the_contact_is_in_the_user_agent_of_each_request(home: Made) -> None:
    archive = home()
    archive.change(source={"contact": "ops@example.org"})
    assert archive.run()[0] == 0
    agents = {entry.headers["user-agent"] for entry in archive.one.requests}
    (agent,) = agents
    assert agent.startswith("backhaul/")
    assert agent.endswith("(ops@example.org)")


def test_a_key_in_a_header_and_a_token_are_sent(home: Made) -> None:
    archive = home(open_to_all=True)
    archive.change(source={"auth": {"header": {"x-apikey": PASSWORD}}}, to="2026-01-01T02:00:00Z")
    assert archive.run()[0] == 0
    assert {entry.headers["x-apikey"] for entry in archive.one.requests} == {PASSWORD}
    archive.one.requests.clear()
    archive.change(source={"auth": {"bearer": PASSWORD}}, to="2026-01-01T03:00:00Z")
    assert archive.run()[0] == 0
    assert {entry.headers["authorization"] for entry in archive.one.requests} == {
        f"Bearer {PASSWORD}"
    }


def test_each_month_is_a_slot(home: Made) -> None:
    archive = home(missing=["2025/02"])
    archive.source.pop("content")
    archive.change(
        source={
            "url": f"{archive.one.url}/months/{{start:%Y/%m}}.jsonl.gz",
            "every": "1mo",
            "name": "{start:%Y}/{start:%Y-%m}-{basename}",
        },
        **{"from": "2025-01-01", "to": "2025-05-01"},
    )
    code, job = archive.run()
    assert (code, job["files"]["verified"]) == (0, 3)
    assert archive.gaps() == [("2025-02-01T00:00:00Z", "missing")]
    assert "2025/2025-04-04.jsonl.gz" in archive.here


def test_another_url_is_another_archive_but_another_host_is_not(home: Made) -> None:
    archive = home()
    archive.change(to="2026-01-01T02:00:00Z")
    assert archive.run()[0] == 0
    url = archive.source["url"]
    archive.change(source={"url": url.replace("127.0.0.1", "localhost")})
    code, job = archive.run()
    assert (code, job["files"]["fetched"]) == (0, 0)
    archive.change(source={"url": url.replace("/hours/", "/klines/")})
    code, job = archive.run()
    assert (code, job["failures"][0]["kind"]) == (2, "config")


def test_a_record_with_nuls_makes_a_file_suspect_but_not_a_gap(home: Made) -> None:
    archive = home()
    archive.change(to="2026-01-01T03:00:00Z")
    archive.one.faults.replace("zeros:all@*-1.json.gz")
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["suspect"]) == (0, 3, 1)


def test_files_and_calls_share_the_sources_pace(home: Made) -> None:
    archive = home(missing=())
    archive.change(source={"pace": "20/s"}, to="2026-01-01T09:00:00Z")
    assert archive.run()[0] == 0
    times = sorted(entry.time for entry in archive.one.requests)
    assert len(times) == 10  # a login check, and nine files
    assert times[-1] - times[0] > 0.35


def test_checksum_files_count_towards_the_pace(home: Made) -> None:
    archive = home(missing=())
    archive.change(
        source={"pace": "20/s", "checksum": {"beside": "{url}.md5"}}, to="2026-01-01T05:00:00Z"
    )
    assert archive.run()[0] == 0
    times = sorted(entry.time for entry in archive.one.requests)
    assert len(times) == 11  # a login check, five files and five checksum files
    assert times[-1] - times[0] > 0.4


@pytest.mark.parametrize("beside", ["{url}.md5", "{basename}.CHECKSUM"])
def test_a_checksum_file_next_to_each_file_proves_it(home: Made, beside: str) -> None:
    archive = home()
    archive.change(source={"checksum": {"beside": beside}})
    code, job = archive.run()
    assert (code, job["files"]["verified"], job["files"]["missing"]) == (0, 46, 2)
    files = archive.command("files")[1]["jobs"][0]["files"]
    here = [each for each in files if each["state"] == "verified"]
    assert all("checksum" in each["proof"] for each in here)
    archive.asked()
    assert archive.run()[0] == 0
    assert archive.asked() == []


def test_a_file_that_does_not_match_its_checksum_file_is_corrupt(home: Made) -> None:
    archive = home()
    archive.change(source={"checksum": {"beside": "{url}.md5"}}, to="2026-01-01T03:00:00Z")
    archive.one.faults.replace("bad_footer:all@*-1.json.gz")
    code, job = archive.run()
    assert (code, [each["kind"] for each in job["failures"]]) == (8, ["corrupt"])
    assert archive.here == {"2026-01-01-0.json.gz", "2026-01-01-2.json.gz"}


def test_a_file_that_has_left_a_rolling_window_is_no_longer_a_failure(home: Made) -> None:
    archive = home(first="2025-12-30", missing=[f"2026-01-01-{n}.json" for n in range(24)])
    archive.change(source={"missing_run": 24}, **{"from": "2025-12-31", "to": "2026-01-03"})
    code, job = archive.run()
    assert (code, job["files"]["unknown"]) == (3, 24)
    archive.change(**{"from": "2026-01-02"})
    code, job = archive.run()
    assert (code, job["state"], job["files"]["unknown"]) == (0, "complete", 0)
    archive.asked()
    archive.change(**{"from": "2026-01-01T20:00:00Z"})
    code, job = archive.run()
    assert (code, job["files"]["unknown"]) == (3, 4)
    archive.asked()
    archive.run()  # unknown slots are requested again
    assert len(archive.asked()) == 4


def test_gaps_and_counts_cover_the_jobs_current_window(home: Made) -> None:
    archive = home(first="2025-12-30", missing=["2026-01-01-3.json", "2026-01-02-5.json"])
    archive.change(**{"from": "2026-01-01", "to": "2026-01-03"})
    _, before = archive.run()
    archive.change(**{"from": "2026-01-02"})

    code, after = archive.run()
    _, again = archive.run()
    (gaps,) = archive.command("gaps")[1]["jobs"]
    (files,) = archive.command("files")[1]["jobs"]
    (status,) = archive.command("status", "--offline")[1]["jobs"]

    assert (before["files"]["listed"], before["files"]["missing"]) == (48, 2)
    for job in (after, again):
        assert (code, job["state"]) == (0, "complete")
        assert (job["files"]["listed"], job["files"]["missing"]) == (24, 1)
        assert job["files"]["verified"] == 23
    assert [slot["file"] for slot in gaps["slots"]] == ["2026-01-02-5.json.gz"]
    assert (status["here"]["listed"], status["here"]["missing"]) == (24, 1)
    assert len(files["files"]) == 48, "what has left the window stays in the ledger"
    assert archive.command("verify")[1]["jobs"][0]["checked"] == 46


def test_gaps_and_counts_cover_a_window_that_now_ends_earlier(home: Made) -> None:
    archive = home(first="2025-12-30", missing=["2026-01-01-3.json", "2026-01-02-5.json"])
    archive.one.faults.replace("bad_footer:all@*/2026-01-02-7.json.gz")
    archive.change(
        source={"checksum": {"beside": "{url}.md5"}}, **{"from": "2026-01-01", "to": "2026-01-03"}
    )
    before_code, before = archive.run()
    archive.change(to="2026-01-02")

    code, after = archive.run()
    _, again = archive.run()
    gaps = archive.command("gaps")[1]["jobs"][0]["slots"]
    (files,) = archive.command("files")[1]["jobs"]
    (status,) = archive.command("status", "--offline")[1]["jobs"]
    verified = archive.command("verify")
    archive.change(to="2026-01-03")
    longer_code, longer = archive.run()

    assert (before_code, before["files"]["missing"], before["files"]["corrupt"]) == (8, 2, 1)
    for job in (after, again):
        assert (code, job["state"], job["failures"]) == (0, "complete", [])
        assert (job["files"]["listed"], job["files"]["missing"]) == (24, 1)
        assert (job["files"]["verified"], job["files"]["lost"]) == (23, 0)
    assert [slot["file"] for slot in gaps] == ["2026-01-01-3.json.gz"]
    assert (status["here"]["listed"], status["here"]["missing"]) == (24, 1)
    assert len(files["files"]) == 48, "what is outside of the window stays in the ledger"
    assert (verified[0], verified[1]["jobs"][0]["checked"]) == (0, 45)
    assert (longer_code, longer["files"]["verified"], longer["files"]["corrupt"]) == (8, 45, 1)


def test_slots_that_the_archive_may_have_deleted_cause_a_warning(home: Made) -> None:
    archive = home()
    archive.change(source={"retention": "3d"}, **{"from": "-5d", "to": "now"})
    (job,) = archive.command("plan")[1]["jobs"]
    assert len(job["warnings"]) == 1
    assert "retention" in job["warnings"][0]
    archive.change(source={"retention": "6d"})
    (job,) = archive.command("plan")[1]["jobs"]
    assert job["warnings"] == []
    assert "slots are due" in job["message"]


def test_a_window_in_which_no_slot_starts_causes_a_warning(home: Made) -> None:
    archive = home()
    archive.change(**{"from": "2026-01-01T00:10:00Z", "to": "2026-01-01T00:50:00Z"})
    code, job = archive.run()
    assert (code, job["state"], job["files"]["listed"]) == (0, "complete", 0)
    assert "no slot" in job["warnings"][0]

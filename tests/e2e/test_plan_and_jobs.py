"""`backhaul plan` and `backhaul jobs`: a few API calls, and no file requests."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
PLAN_KEYS = {"job", "state", "files", "bytes", "api_calls", "expires_at"}


def test_a_plan_says_what_the_run_then_does(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24)

    planned = backhaul("plan", hpt.path, "--json")
    calls = len(list(hpt.one.requests))
    requests = hpt.file_requests()
    ran = backhaul("run", hpt.path, "--json")

    [plan] = planned.json["jobs"]
    [job] = ran.json["jobs"]
    assert planned.code == 0
    assert plan.keys() >= PLAN_KEYS
    assert requests == 0
    assert plan["api_calls"] == calls
    assert plan["files"] == job["files"]["fetched"]
    assert plan["bytes"] == job["bytes_fetched"]
    assert plan["expires_at"].endswith("Z")


def test_a_plan_after_the_run_has_nothing_to_fetch(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12)
    backhaul("run", hpt.path)

    [plan] = backhaul("plan", hpt.path, "--json").json["jobs"]

    assert (plan["files"], plan["bytes"]) == (0, 0)


def test_the_contents_of_a_queue_are_unknown_in_advance(backhaul: Run, bench: Run) -> None:
    datasift = bench("datasift-historics")

    ended = backhaul("plan", datasift.path, "--job", "tide-tables", "--json")

    [plan] = ended.json["jobs"]
    assert (plan["files"], plan["bytes"]) == (None, None)
    assert plan["rate_cost"] >= 25
    assert str(plan["rate_cost"]) in backhaul("plan", datasift.path, "--job", "tide-tables").out


def test_a_rate_that_is_too_low_for_the_deadline_is_10(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24, expires_in=600)

    ended = backhaul("plan", hpt.path, "--limit-rate", "50")

    assert ended.code == 10
    assert "worldcup" in ended.out
    assert backhaul("plan", hpt.path, "--limit-rate", "1M").code == 0


def test_too_little_space_is_9(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24)
    hpt.write(settings__min_free_space="1000T")

    ended = backhaul("plan", hpt.path)

    assert ended.code == 9
    assert str(hpt.archive) in ended.out


def test_a_job_that_is_not_ready_can_be_planned(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs={"fog": {"source": "account", "id": hpt.one.ids["quoted"]}})

    [plan] = backhaul("plan", hpt.path, "--json").json["jobs"]

    assert plan["state"] == "pending"
    assert plan["files"] is None


@pytest.mark.parametrize("provider", ["gnip-hpt", "datasift-historics", "massrelevance-meta"])
def test_jobs_lists_what_the_account_has(backhaul: Run, bench: Run, provider: str) -> None:
    there = bench(provider)

    ended = backhaul("jobs", there.path, "--json")

    [source] = ended.json["sources"]
    assert ended.code == 0
    assert (source["source"], source["provider"]) == ("account", provider)
    assert len(source["jobs"]) > 1
    assert all(job.keys() >= {"id", "title", "state", "from", "to"} for job in source["jobs"])
    assert source["jobs"][0]["id"] in backhaul("jobs", there.path).out


def test_one_source_that_fails_does_not_stop_the_others(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    wrong = {**hpt.document["sources"]["account"], "password": "wrong"}
    hpt.write(sources__second=wrong)

    ended = backhaul("jobs", hpt.path, "--json")

    assert ended.code == 4
    assert ended.json["sources"][0]["jobs"]
    assert ended.json["sources"][1]["jobs"] == []

    chosen = backhaul("jobs", hpt.path, "--source", "account", "--json")
    unknown = backhaul("jobs", hpt.path, "--source", "acount")

    assert chosen.code == 0
    assert [source["source"] for source in chosen.json["sources"]] == ["account"]
    assert unknown.code == 2
    assert "acount: no such source; configured sources: account, second" in unknown.err

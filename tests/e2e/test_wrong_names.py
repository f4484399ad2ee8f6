"""A name in the YAML that does not exist at the provider, or exists twice: exit code 2 with advice."""

from collections.abc import Callable
from typing import Any

import pytest

from backhaul.errors import ExitCode, FailureKind

Run = Callable[..., Any]

WRONG = {
    "gnip-hpt": ({"title": "Worldcup Test"}, "'WorldCup test'"),
    "datasift-historics": ({"name": "habor-fog"}, "'harbor-fog'"),
    "massrelevance-meta": ({"stream": "kindel", "formats": ["json"]}, " kindle"),
}


@pytest.mark.parametrize("provider", WRONG)
def test_an_unknown_name_is_2_and_says_what_to_write(
    backhaul: Run, bench: Run, provider: str
) -> None:
    keys, near = WRONG[provider]
    one = bench(provider)
    one.write(jobs={"wrong": {"source": "account", **keys}})

    ended = backhaul("run", one.path)

    assert ended.code == ExitCode.USAGE
    assert near in ended.out
    assert FailureKind.CONFIG.advice in ended.out
    assert FailureKind.FAILED.advice not in ended.out


def test_a_title_shared_by_two_jobs_is_2_and_lists_the_ids(backhaul: Run, bench: Run) -> None:
    hpt = bench()
    hpt.write(jobs={"twins": {"source": "account", "title": "twins"}})

    ended = backhaul("run", hpt.path)

    assert ended.code == ExitCode.USAGE
    assert f"id: {hpt.one.ids['twin']}" in ended.out
    assert f"id: {hpt.one.ids['other twin']}" in ended.out
    assert FailureKind.FAILED.advice not in ended.out


def test_programs_get_the_kind_and_the_other_jobs_continue(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs__wrong={"source": "account", "title": "no such title"})

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ended.json["exit_code"] == ExitCode.USAGE
    states = {job["job"]: job["state"] for job in ended.json["jobs"]}
    assert states == {"worldcup": "complete", "wrong": "failed"}
    (wrong,) = [job for job in ended.json["jobs"] if job["job"] == "wrong"]
    assert [failure["kind"] for failure in wrong["failures"]] == ["config"]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_every_command_that_contacts_the_provider_ends_with_2(
    backhaul: Run, bench: Run, command: str
) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs={"wrong": {"source": "account", "title": "no such title"}})

    assert backhaul(command, hpt.path).code == ExitCode.USAGE


def test_an_unknown_id_is_3_with_the_providers_message(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs={"wrong": {"source": "account", "id": "nosuchjob1"}})

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == ExitCode.INCOMPLETE
    assert ended.json["jobs"][0]["failures"][0]["kind"] == "not_found"


@pytest.mark.parametrize("command", ["run", "plan", "status", "files", "gaps", "verify"])
def test_a_job_that_is_not_configured_is_named_with_its_option(
    backhaul: Run, bench: Run, command: str
) -> None:
    hpt = bench()
    hpt.write()

    ended = backhaul(command, hpt.path, "--job", "other")

    assert ended.code == ExitCode.USAGE
    assert "error: --job other: no such job; configured jobs: worldcup" in ended.err

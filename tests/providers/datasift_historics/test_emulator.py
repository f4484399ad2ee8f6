"""The emulator's refusals and responses match DataSift's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

Start = Callable[..., Any]


def ask(here: Any, path: str, method: str = "GET", **params: Any) -> requests.Response:
    return requests.request(
        method,
        f"{here.emulator.url}/v1.6/{path}",
        params=params,
        headers={"Authorization": f"{here.emulator.username}:{here.emulator.key}"},
        timeout=10,
    )


def pull(here: Any, **params: Any) -> requests.Response:
    return ask(here, "pull", id=here.emulator.main.subscription_id, **params)


def test_a_pull_without_a_cursor_moves_the_servers_position(world: Start) -> None:
    here = world(step=None, waiting=0)
    first, second = pull(here, size=1), pull(here, size=1)
    assert first.content != second.content
    assert second.headers["X-DataSift-Cursor-Current"] == first.headers["X-DataSift-Cursor-Next"]


def test_a_cursor_returns_the_same_data_again(world: Start) -> None:
    here = world(step=None, waiting=0)
    first = pull(here, size=5000)
    again = pull(here, size=5000, cursor=first.headers["X-DataSift-Cursor-Current"])
    assert again.content == first.content
    assert len(first.headers["X-DataSift-Cursor-Next"]) == 32


def test_an_empty_cursor_is_none(world: Start) -> None:
    here = world(step=None, waiting=0)
    assert pull(here, size=1, cursor="").status_code == 200


def test_an_empty_queue_is_204_without_a_next_cursor(world: Start) -> None:
    answer = pull(world(waiting=1))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "X-DataSift-Cursor-Current" in answer.headers
    assert "X-DataSift-Cursor-Next" not in answer.headers


def test_every_call_except_a_pull_reports_the_budget(world: Start) -> None:
    here = world()
    assert not [name for name in pull(here).headers if name.startswith("X-RateLimit")]
    get = ask(here, "historics/get", id=here.emulator.main.id).headers
    assert (get["X-RateLimit-Cost"], get["X-RateLimit-Remaining"]) == ("25", "999975")


@pytest.mark.parametrize("status", [429, 403])
def test_the_third_pull_within_a_second_is_refused(world: Start, status: int) -> None:
    here = world(pulls_per_second=2.0, too_fast=status)
    assert [pull(here).status_code for _ in range(3)][2] == status


@pytest.mark.parametrize("params", [{"size": 0}, {"size": 52_428_801}, {"cursor": "0" * 32}])
def test_an_invalid_parameter_is_400(world: Start, params: dict[str, Any]) -> None:
    assert pull(world(), **params).status_code == 400


def test_a_finished_subscription_is_listed_only_when_requested(world: Start) -> None:
    here = world(step=None, waiting=0)
    list(here.fetch())
    main = here.emulator.main.id
    assert ask(here, "push/get", historics_id=main).json()["count"] == 0
    assert ask(here, "push/get", historics_id=main, include_finished=1).json()["count"] == 1


def test_the_list_has_no_chunks_and_counts_all_queries(world: Start) -> None:
    here = world(listed=77)
    answer = ask(here, "historics/get", max=2, page=40).json()
    assert (len(answer["data"]), answer["count"]) == (1, 79)
    assert "chunks" not in answer["data"][0]


def test_a_subscription_has_a_log(world: Start) -> None:
    assert ask(world(), "push/log").json()["log_entries"]


def test_the_same_seed_makes_the_same_interactions(world: Start) -> None:
    one, two, other = world(seed=3), world(seed=3), world(seed=4)
    assert one.expected() == two.expected()
    assert one.expected() != other.expected()
    assert all(json.loads(line)["interaction"]["id"] for line in one.expected())


@pytest.mark.parametrize("authorization", [None, "harbor:wrong", "Basic aGFyYm9yOng="])
def test_without_the_raw_credentials_it_is_401(world: Start, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = requests.get(f"{world().emulator.url}/v1.6/historics/get", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (401, {"error": "Authorization failed"})


def test_it_may_have_a_path_prefix(world: Start) -> None:
    here = world(prefix="/gateway")
    assert here.status().state == "pending"
    assert here.emulator.requests[0].path == "/gateway/v1.6/historics/get"

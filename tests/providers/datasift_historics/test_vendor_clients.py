"""The vendor's curl commands, and the calls of its client libraries, against the emulator."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.shell import shell

Start = Callable[..., Any]
NOBODY = "0" * 20
FEB = {"start": 1454284800, "end": 1454371200}


def ask(here: Any, path: str, method: str = "POST", **how: Any) -> requests.Response:
    return requests.request(
        method,
        f"{here.emulator.url}/v1.6/{path}",
        headers={"Authorization": f"{here.emulator.username}:{here.emulator.key}"},
        timeout=10,
        **how,
    )


def curl(here: Any, query: str, folder: Path) -> Any:
    login = f"{here.emulator.username}:{here.emulator.key}"
    url = f"{here.emulator.url}/v1.3/historics/get?{query}"
    return json.loads(shell(f"curl -sS -X GET '{url}' -H 'Authorization:{login}'", folder))


def running(here: Any) -> None:
    """Pulls until the main query is running and has delivered data."""
    while not here.emulator.main.feed.available:
        ask(here, "pull", "GET", params={"id": here.emulator.main.subscription_id, "size": 1})


def test_curl_asks_for_one_query_and_its_chunks(world: Start, tmp_path: Path) -> None:
    here = world(days=7)
    running(here)
    found = curl(here, f"id={here.emulator.main.id}&with_estimate=0", tmp_path)
    assert set(found) >= {
        *("id", "definition_id", "name", "start", "end", "created_at", "status", "progress"),
        *("sources", "sample", "chunks"),
    }
    assert (found["status"], len(found["chunks"])) == ("running", 7)
    for chunk in found["chunks"]:
        assert {"status", "progress", "start_time", "end_time"} <= set(chunk)
    assert "estimated_completion" not in {*found, *found["chunks"][0]}


def test_curl_asks_for_an_estimate(world: Start, tmp_path: Path) -> None:
    here = world()
    running(here)
    found = curl(here, f"id={here.emulator.main.id}&with_estimate=1", tmp_path)
    assert found["estimated_completion"] > 0
    assert all(chunk["estimated_completion"] for chunk in found["chunks"])
    assert found["delivery_count"] == sum(chunk["delivery_count"] for chunk in found["chunks"])


def test_curl_asks_for_two_of_many_queries(world: Start, tmp_path: Path) -> None:
    here = world(listed=77)
    found = curl(here, "max=2", tmp_path)
    assert (len(found["data"]), found["count"]) == (2, 79)
    assert not any("chunks" in query for query in found["data"])
    third = curl(here, "max=2&page=3", tmp_path)
    assert [query["id"] for query in third["data"]] == list(here.emulator.queries)[4:6]


@pytest.mark.parametrize("encoding", ["params", "data", "json"])
def test_a_client_compiles_csdl_and_receives_its_data(world: Start, encoding: str) -> None:
    here = world(listed=0)

    def call(path: str, method: str = "POST", **given: Any) -> Any:
        answer = ask(here, path, method, **{encoding: given})
        assert answer.status_code in {200, 202, 204}, answer.text
        return answer.json() if answer.content else None

    def output() -> dict[str, Any]:
        form = "json_new_line"
        if encoding == "json":
            return {"output_params": {"format": form}}
        return {"output_params.format": form}

    csdl = 'interaction.content contains "fog"'
    assert call("validate", csdl=csdl).keys() == {"created_at", "dpu"}
    compiled = call("compile", csdl=csdl)
    assert (len(compiled["hash"]), compiled["dpu"]) == (32, "0.1")
    assert call("dpu", hash=compiled["hash"])["dpu"] == 0.1
    query = call("historics/prepare", hash=compiled["hash"], name="fog", sources="tumblr", **FEB)
    assert query["availability"]["start"] == FEB["start"]
    assert call("push/validate", output_type="pull", **output())["success"] is True
    made = call(
        "push/create", historics_id=query["id"], name="my pull", output_type="pull", **output()
    )
    assert (made["name"], made["status"], made["hash"]) == ("my pull", "active", query["id"])
    call("historics/start", id=query["id"])
    bodies = []
    while call("push/get", "GET", id=made["id"])["status"] != "finished":
        answer = ask(here, "pull", "GET", params={"id": made["id"], "size": 52_428_800})
        bodies += [answer.content] if answer.status_code == 200 else []
    lines = b"\n".join(bodies).split(b"\n")
    assert all(json.loads(line)["interaction"] for line in lines)
    described = call("historics/get", "GET", id=query["id"])
    assert (described["definition_id"], described["delivery_count"]) == (
        compiled["hash"],
        len(lines),
    )
    call("push/delete", id=made["id"])
    assert ask(here, "push/get", params={"id": made["id"]}).status_code == 404
    assert ask(here, "pull", params={"id": made["id"]}).status_code == 404
    call("historics/delete", "DELETE", id=query["id"])
    assert ask(here, "historics/get", params={"id": query["id"]}).status_code == 404


def test_no_line_end_follows_the_last_interaction_unless_switched_on(world: Start) -> None:
    for last_newline in (False, True):
        here = world(step=None, waiting=0, last_newline=last_newline)
        subscription = here.emulator.main.subscription_id
        body = ask(here, "pull", "GET", params={"id": subscription}).content
        assert body.endswith(b"\n") is last_newline
        assert body.count(b"\n") == here.emulator.settings.interactions - (not last_newline)


@pytest.mark.parametrize("last_newline", [True, False])
def test_both_shapes_result_in_the_same_bytes(world: Start, *, last_newline: bool) -> None:
    here = world(interactions=300, step=40, last_newline=last_newline)
    data = b"".join(chunk.data for chunk in here.fetch())
    assert data == b"".join(line + b"\n" for line in here.expected())


def test_a_query_is_paused_resumed_and_stopped(world: Start) -> None:
    here = world()
    running(here)
    main = here.emulator.main.id

    def status() -> str:
        status: str = ask(here, "historics/get", "GET", params={"id": main}).json()["status"]
        return status

    def change(word: str, method: str = "PUT") -> int:
        return ask(here, f"historics/{word}", method, data={"id": main}).status_code

    assert change("resume") == 403
    assert (change("pause"), status()) == (204, "paused")
    available = here.emulator.main.feed.available
    running_dry = [
        ask(here, "pull", "GET", params={"id": here.emulator.main.subscription_id}).status_code
        for _ in range(3)
    ]
    assert running_dry[1:] == [204, 204]
    assert here.emulator.main.feed.available == available
    assert (change("resume"), status()) == (204, "running")
    assert (change("stop", "POST"), status()) == (204, "stopped")
    assert (change("stop"), change("pause"), change("start")) == (403, 403, 403)


def test_a_subscription_is_paused_resumed_renamed_and_stopped(world: Start) -> None:
    here = world(step=None, waiting=0)
    given = {"id": here.emulator.main.subscription_id}

    def change(word: str, **more: Any) -> Any:
        answer = ask(here, f"push/{word}", "PUT", data=given | more)
        assert answer.status_code == 200
        return answer.json()

    assert change("pause")["status"] == "paused"
    assert ask(here, "pull", "GET", params=given).status_code == 204
    assert change("resume")["status"] == "finishing"
    assert change("update", name="other")["name"] == "other"
    assert change("stop")["status"] == "finishing"
    log = ask(here, "push/log", params=given).json()
    assert (log["success"], log["count"]) == (True, 1)
    assert "finishing" in log["log_entries"][0]["message"]


def test_a_query_is_renamed(world: Start) -> None:
    here = world()
    given = {"id": here.emulator.main.id, "name": "sea fog"}
    assert ask(here, "historics/update", data=given).status_code == 204
    assert ask(here, "historics/get", params=given).json()["name"] == "sea fog"


def test_usage_and_coverage_are_reported(world: Start) -> None:
    here = world()
    assert ask(here, "usage", "GET", params={"period": "day"}).json()["streams"]
    (covered,) = ask(here, "historics/status", "GET", params=FEB | {"sources": "a,b"}).json()
    assert list(covered["sources"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("historics/get", {"max": "abc"}),
        ("historics/get", {"max": "0"}),
        ("historics/get", {"page": "-1"}),
        ("push/get", {"per_page": "ten"}),
        ("push/log", {"page": "0"}),
        ("historics/prepare", {"start": "yesterday"}),
        ("historics/prepare", {"start": "2", "end": "1"}),
        ("historics/status", {}),
        ("historics/update", {"id": "main"}),
        ("push/validate", {}),
        ("push/create", {"output_type": "pull"}),
        ("compile", {"csdl": " "}),
        ("validate", {}),
        ("dpu", {}),
        ("usage", {"period": "year"}),
        ("pull", {"id": "main", "size": "many"}),
    ],
)
def test_an_invalid_parameter_is_400_and_reported(
    world: Start, path: str, given: dict[str, str]
) -> None:
    here = world()
    main = here.emulator.main
    ids = {"id": main.subscription_id if path == "pull" else main.id} if "id" in given else {}
    answer = ask(here, path, "GET", params=given | ids)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("historics/start", "historics/pause", "historics/resume", "historics/stop"),
        *("historics/update", "historics/delete", "push/pause", "push/resume", "push/stop"),
        *("push/update", "push/delete", "push/log"),
    ],
)
def test_a_missing_resource_is_404_and_reported(world: Start, path: str) -> None:
    answer = ask(world(), path, data={"id": NOBODY, "name": "x"})
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_the_php_clients_header_is_accepted_and_a_wrong_method_refused(world: Start) -> None:
    here = world()
    login = f"{here.emulator.username}:{here.emulator.key}"
    url = f"{here.emulator.url}/v1.6/usage"
    assert requests.get(url, headers={"Auth": login}, timeout=10).status_code == 200
    assert ask(here, "usage", "PATCH").status_code == 405

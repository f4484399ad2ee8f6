"""The hooks over HTTP: listing, resolving, credentials and options."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from werkzeug import Request, Response

import backhaul_datasift_historics as datasift
from backhaul import ConfigError, Http, JobState, NotDataError, NotFoundError
from backhaul.testing import Emulator
from backhaul_datasift_historics.options import DatasiftJob, DatasiftSource

Start = Callable[..., Any]


@pytest.mark.parametrize("listed", [0, 98, 99, 350])
def test_all_queries_are_listed_once_whatever_their_number(world: Start, listed: int) -> None:
    here = world(listed=listed)
    jobs = list(datasift.list_jobs(here.http, here.source()))
    assert [job.id for job in jobs] == list(here.emulator.queries)
    assert len(here.paths()) == (listed + 2 + 99) // 100


def test_a_listed_query_has_name_state_and_period(world: Start) -> None:
    here = world()
    job = next(iter(datasift.list_jobs(here.http, here.source())))
    assert (job.title, job.state) == ("harbor-fog", JobState.PENDING)
    assert job.start is not None
    assert job.meta["status"] == "queued"
    assert job.meta["sources"] == ["tumblr"]


def test_a_query_is_one_file_with_a_stable_name(world: Start) -> None:
    here = world()
    file = here.file(split="1M")
    assert file == here.file(split="1M")
    assert file.name == f"datasift_{here.emulator.main.id}.jsonl.gz"
    assert file.split == 1 << 20
    assert (file.end - file.start).days == 5


def test_the_count_belongs_to_the_file_once_the_query_is_over(world: Start) -> None:
    here = world(interactions=500)
    assert here.file().records is None
    list(here.fetch())
    assert here.file().records == 500


def test_a_query_is_found_by_its_name(world: Start) -> None:
    here = world(listed=250)
    assert here.file(name="harbor-fog").name == here.file().name


def test_an_unknown_name_suggests_the_nearest(world: Start) -> None:
    with pytest.raises(ConfigError, match="'harbor-fog'"):
        world().file(name="habor-fog")


def test_an_ambiguous_name_lists_the_ids(world: Start) -> None:
    here = world()
    for query in here.emulator.queries.values():
        query.name = "same"
    with pytest.raises(ConfigError, match="id: " + here.emulator.main.id):
        here.file(name="same")


def test_an_unknown_id_is_in_the_error(world: Start) -> None:
    with pytest.raises(NotFoundError, match="00ff"):
        world().status(id="00ff")


@pytest.mark.parametrize("version", ["v1", "v1.3", "v1.6"])
def test_any_version_of_the_api_is_requested_under_its_path(world: Start, version: str) -> None:
    here = world()
    datasift.get_status(here.http, here.source(api_version=version), here.job())
    assert all(e.path.startswith(f"/{version}/") for e in here.emulator.requests)


def test_the_authorization_header_is_not_encoded(world: Start) -> None:
    here = world()
    here.status()
    sent = {entry.headers["Authorization"] for entry in here.emulator.requests}
    assert sent == {f"{here.emulator.username}:{here.emulator.key}"}


def test_a_query_can_be_prepared_subscribed_to_started_and_fetched(world: Start) -> None:
    here = world()
    api, sent = f"{here.emulator.url}/v1.6", {"Authorization": "harbor:" + here.emulator.key}
    prepared = here.http.post(
        f"{api}/historics/prepare",
        data={"name": "new", "start": 1433116800, "end": 1433289600},
        headers=sent,
    )
    assert prepared.status_code == 202
    new = prepared.json()["id"]
    params = {"output_type": "pull", "historics_id": new, "output_params": {"format": "json_meta"}}
    here.http.post(f"{api}/push/create", json=params, headers=sent)
    assert here.status(id=new).message.startswith("init")
    here.http.post(f"{api}/historics/start", data={"id": new}, headers=sent)
    chunks = [chunk.data for chunk in here.fetch(id=new)]
    assert b"".join(chunks).count(b"\n") == 100


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({}, r"\bid\b.*\bname\b"),
        ({"id": "9e97", "name": "fog"}, r"\bid\b.*\bname\b"),
        ({"id": 2490313575797478}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": "9e97", "split": 0}, "split"),
        ({"id": "9e97", "pull_size": "21M"}, "pull_size"),
        ({"id": "9e97", "pull_size": 0}, "pull_size"),
        ({"id": "9e97", "poll": "often"}, "poll"),
        ({"id": "9e97", "poll": "0s"}, "poll"),
        ({"id": "9e97", "subscripton": "x"}, "subscripton"),
    ],
)
def test_an_invalid_job_is_refused(keys: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        DatasiftJob.model_validate(keys)


@pytest.mark.parametrize("version", ["1.6", "v1.6/", "latest", 1.6])
def test_a_wrong_version_is_refused(version: Any) -> None:
    keys = {"username": "u", "api_key": "k", "api_version": version}
    with pytest.raises(ValidationError, match="api_version"):
        DatasiftSource.model_validate(keys)


@pytest.mark.parametrize("value", ["2", True, 0])
def test_an_invalid_pull_rate_is_refused(value: Any) -> None:
    keys = {"username": "u", "api_key": "k", "pulls_per_second": value}
    with pytest.raises(ValidationError, match="pulls_per_second"):
        DatasiftSource.model_validate(keys)


def test_an_integer_pull_rate_is_accepted() -> None:
    keys = {"username": "u", "api_key": "k", "pulls_per_second": 1}
    assert DatasiftSource.model_validate(keys).pulls_per_second == 1


def test_the_key_is_never_printed() -> None:
    source = DatasiftSource.model_validate({"username": "u", "api_key": "hush"})
    assert "hush" not in f"{source!r} {source} {source.model_dump_json()}"


def test_every_option_is_described() -> None:
    for model in (DatasiftSource, DatasiftJob):
        for name, field in model.model_fields.items():
            assert field.description, name


class Endless(Emulator):
    """A list of queries whose total grows with each page."""

    def api(self, request: Request) -> Response:
        page = int(request.args["page"])
        entries = [{"id": f"q{page}-{each}", "status": "queued"} for each in range(100)]
        return Response(json.dumps({"count": 100 * (page + 1), "data": entries}))

    def source(self) -> dict[str, Any]:
        return {"username": "u", "api_key": "k" * 9, "base_url": self.url}

    def jobs(self) -> dict[str, dict[str, Any]]:
        return {}


def test_a_list_with_endless_pages_is_an_error() -> None:
    with Endless() as emulator, Http() as http:
        source = DatasiftSource.model_validate(emulator.source())
        with pytest.raises(NotDataError):
            list(datasift.list_jobs(http, source))
        assert len(emulator.requests) < 30

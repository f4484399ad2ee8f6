"""The YAML keys of a source and of a job."""

from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from backhaul_gnip_hpt import provider
from backhaul_gnip_hpt.options import HptJob, HptSource

SOURCE = {"account": "acme", "username": "ops@example.org", "password": "x"}


@pytest.mark.parametrize(
    ("keys", "root"),
    [
        ({}, "https://gnip-api.gnip.com"),
        ({"api_version": 1}, "https://historical.gnip.com"),
        ({"api_version": 1, "base_url": "http://127.0.0.1:8080/p/"}, "http://127.0.0.1:8080/p"),
    ],
)
def test_the_version_determines_the_url_unless_one_is_given(
    keys: dict[str, Any], root: str
) -> None:
    assert HptSource.model_validate({**SOURCE, **keys}).root == root


@pytest.mark.parametrize(
    "keys", [{"api_version": 3}, {"api_version": "2"}, {"account": ""}, {"acount": "x"}]
)
def test_wrong_keys_of_a_source_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HptSource.model_validate({**SOURCE, **keys})


@pytest.mark.parametrize("keys", [{}, {"id": "a", "title": "b"}])
def test_a_job_has_an_id_or_a_title(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"\bid\b.*\btitle\b"):
        HptJob.model_validate(keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"id": 7},
        {"id": "../a"},
        {"id": "a\n"},
        {"id": ""},
        {"title": ""},
        {"id": "a", "links": "xml"},
    ],
)
def test_wrong_keys_of_a_job_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HptJob.model_validate(keys)


def test_the_password_is_never_printed() -> None:
    source = HptSource.model_validate({**SOURCE, "password": "hunter2"})
    assert "hunter2" not in f"{source!r} {source} {source.model_dump()} {source.model_dump_json()}"


@pytest.mark.parametrize("model", [HptSource, HptJob])
def test_every_key_is_described(model: type[BaseModel]) -> None:
    assert all(field.description for field in model.model_fields.values())


def test_the_example_is_valid() -> None:
    example = yaml.safe_load(provider().example)
    (source,) = example["sources"].values()
    (job,) = example["jobs"].values()
    assert source.pop("provider") == "gnip-hpt"
    assert job.pop("source") in example["sources"]
    assert HptSource.model_validate(source)
    assert HptJob.model_validate(job)

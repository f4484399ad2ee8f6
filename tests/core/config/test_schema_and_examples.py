"""The JSON Schema, and the examples written by ``init``."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ConfigDict, Field

from backhaul import JobOptions, ProviderInfo, SourceOptions, UtcTime
from backhaul.config import Config
from backhaul.config.init import FIRST_LINE, example
from backhaul.config.schema import schema
from backhaul.plugins.discovery import Plugins

SOURCES = "sources: {h: {provider: harbor, user: u, password: p}}\n"


class _AsEditorsRead(yaml.SafeLoader):
    """JSON has no dates: editors treat them as strings."""


_AsEditorsRead.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope="module")
def validator(harbor: ProviderInfo) -> Draft202012Validator:
    made = schema({"harbor": harbor})
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def accepts(validator: Draft202012Validator, text: str) -> bool:
    return validator.is_valid(yaml.load(text, _AsEditorsRead))


GOOD = {
    "a source alone": SOURCES,
    "settings": SOURCES
    + "settings: {connections: 3, limit_rate: 20M, wait: 1h30m, durable: false}",
    "settings without content": SOURCES + "settings:\njobs:\n",
    "variables for every type": SOURCES
    + "settings: {connections: '${N}', limit_rate: '${R:-1M}', wait: '${W}', durable: '${D}'}\n"
    + "jobs: {a: {source: h, id: x, decks: '${N}', sails: '${S}', day: '${D}', kinds: ['${K}'], "
    + "params: {a: '${N}'}, parts: [{weight: '${N}'}], either: '${E}', every: '${E}'}}",
    "a variable for an enumeration": "sources: {h: {provider: harbor, user: u, password: '${P}', "
    "api_version: '${V}', base_url: '${U:-http://x}'}}",
    "an alias by its YAML spelling": SOURCES
    + "jobs: {a: {source: h, id: x, from: 2016-12-01, wait: 2h}}",
    "anchors": SOURCES + "x-common: &c {decks: 2}\njobs: {a: {source: h, id: x, <<: *c}}",
}
BAD = {
    "no sources": "jobs: {}",
    "an unknown section": SOURCES + "soures: {}",
    "an unknown setting": SOURCES + "settings: {conections: 3}",
    "a setting out of bounds": SOURCES + "settings: {connections: 0}",
    "a text that is no variable": SOURCES + "settings: {connections: many}",
    "an unknown key of a source": "sources: {h: {provider: harbor, user: u, password: p, x: 1}}",
    "a missing key of a source": "sources: {h: {provider: harbor, user: u}}",
    "a key by its Python name": SOURCES + "jobs: {a: {source: h, id: x, start: 2016-12-01}}",
    "a job without a source": SOURCES + "jobs: {a: {id: x}}",
    "a job's name with a slash": SOURCES + "jobs: {a/b: {source: h, id: x}}",
    "a variable in place of a list": SOURCES + "jobs: {a: {source: h, id: x, kinds: '${K}'}}",
    "a variable in place of a mapping": SOURCES + "jobs: {a: {source: h, id: x, parts: ['${K}']}}",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_the_schema_accepts_a_valid_configuration(
    validator: Draft202012Validator, text: str
) -> None:
    assert accepts(validator, text)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_the_schema_refuses_an_invalid_configuration(
    validator: Draft202012Validator, text: str
) -> None:
    assert not accepts(validator, text)


def test_each_provider_has_its_own_keys(info: ProviderInfo) -> None:
    class Lamp(SourceOptions):
        height: int

    made = Draft202012Validator(
        schema({"harbor": info, "lamp": ProviderInfo("Lamp", Lamp, JobOptions)})
    )
    assert accepts(made, "sources: {l: {provider: lamp, height: 3}}")
    assert not accepts(made, "sources: {l: {provider: lamp, user: u, password: p}}")
    assert not accepts(made, "sources: {l: {provider: harbor, height: 3}}")


def test_a_model_without_a_json_schema_still_has_its_keys() -> None:
    class Opaque:
        pass

    class Odd(SourceOptions):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: Opaque | None = None

    made = schema({"odd": ProviderInfo("Odd", Odd, JobOptions)})
    Draft202012Validator.check_schema(made)
    assert accepts(Draft202012Validator(made), "sources: {o: {provider: odd, thing: 1}}")
    assert not accepts(Draft202012Validator(made), "sources: {o: {provider: odd, thnig: 1}}")


def test_descriptions_reach_the_editor(validator: Draft202012Validator) -> None:
    defs = validator.schema["$defs"]
    assert (
        defs["harbor.source"]["properties"]["api_version"]["description"] == "Version of the API."
    )
    assert "title" not in defs["harbor.source"]["properties"]["user"]


def _defaults(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The keys with a default other than null."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if isinstance(node, dict):
        if node.get("default") is not None and path.rpartition("/")[0].endswith("/properties"):
            yield path, node
        for key, each in node.items():
            yield from _defaults(each, f"{path}/{key}")


def test_each_default_is_a_value_that_the_key_takes() -> None:
    plugins = Plugins()
    made = schema({name: plugins.load(name).info for name in plugins.names})
    wrong = [
        path
        for path, node in _defaults(made["$defs"], "#/$defs")
        if not Draft202012Validator(node | {"$defs": made["$defs"]}).is_valid(node["default"])
    ]
    assert not wrong
    assert made["$defs"]["http-series.job"]["properties"]["to"]["default"] == "now"
    assert made["$defs"]["settings"]["properties"]["stall_timeout"]["default"] == "1m"


def test_an_example_made_from_the_models_loads(
    info: ProviderInfo, load_yaml: Callable[..., Config]
) -> None:
    text = example("harbor", info)
    assert text.startswith(FIRST_LINE)
    config = load_yaml(text, {"HARBOR_PASSWORD": "p"})
    assert config.jobs["my-job"].options.id == "s-17"
    assert config.sources["harbor"].options.password.reveal() == "p"


def test_each_key_is_in_the_example_and_explained(info: ProviderInfo) -> None:
    text = example("harbor", info)
    for key in ("user", "api_version", "base_url", "id", "from", "decks", "params", "either"):
        assert re.search(rf"^    (# )?{key}: ", text, re.MULTILINE), key
    assert "    # Version of the API.\n    # api_version: 2\n" in text


def test_an_example_follows_the_schema(info: ProviderInfo, validator: Draft202012Validator) -> None:
    assert accepts(validator, example("harbor", info))


def test_required_periods_are_in_order() -> None:
    class Period(JobOptions):
        start: UtcTime = Field(alias="from")
        end: UtcTime = Field(alias="to")
        days: list[str]

    text = example("lamp", ProviderInfo("Lamp", SourceOptions, Period))
    assert "    from: 2016-12-01\n    to: 2017-01-01\n    days: [your-days]\n" in text


def test_a_providers_own_example_is_kept(info: ProviderInfo) -> None:
    text = example("harbor", replace(info, example="version: 1  # mine"))
    assert text == FIRST_LINE + "version: 1  # mine\n"
    assert example("harbor", replace(info, example=text)) == text

"""Every YAML file in configs/ loads with the installed providers and matches the schema."""

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.core.config.dump import dump

from backhaul import ProviderInfo
from backhaul.config import Config, load_many
from backhaul.config.init import FIRST_LINE, example
from backhaul.config.schema import schema
from backhaul.plugins.discovery import Plugins

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))
PLUGINS = Plugins()
OURS = [
    "datasift-historics",
    "gnip-hpt",
    "http-index",
    "http-series",
    "massrelevance-meta",
    "s3-prefix",
    "stocktwits-backup",
]


def providers(name: str) -> ProviderInfo:
    return PLUGINS.load(name).info


def needed(path: Path) -> dict[str, str]:
    names = re.findall(r"\$\{(\w+)(?::\?[^}]*)?\}", path.read_text("utf-8"))
    return dict.fromkeys(names, "made-up")


def loaded(path: Path) -> Config:
    (config,) = load_many([path], providers=providers, env=needed(path))
    return config


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    made = schema({name: providers(name) for name in OURS})
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def as_editors_read(text: str) -> object:
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in each if not tag.endswith("timestamp")]
        for first, each in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(text, loader)


def test_there_is_one_for_each_provider_and_one_for_all() -> None:
    found = {path.name: loaded(path) for path in CONFIGS}
    used = {source.provider for config in found.values() for source in config.sources.values()}
    assert used == set(OURS)
    assert {source.provider for source in found["batch.yaml"].sources.values()} == set(OURS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_loads(path: Path) -> None:
    config = loaded(path)
    assert config.jobs
    assert all(job.plugin_error is None for job in config.jobs.values())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_follows_the_schema(path: Path, validator: Draft202012Validator) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(FIRST_LINE)
    assert list(validator.iter_errors(as_editors_read(text))) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_its_dump_follows_the_schema_too(path: Path, validator: Draft202012Validator) -> None:
    text = dump(loaded(path))
    assert list(validator.iter_errors(as_editors_read(text))) == []


def test_the_examples_can_be_loaded_together() -> None:
    singles = [path for path in CONFIGS if path.name not in {"batch.yaml", "demo.yaml"}]
    both = {**needed(CONFIGS[0]), **{k: v for path in singles for k, v in needed(path).items()}}
    wholes = [path for path in singles if path.name != "gnip-hpt-v1.yaml"]
    assert len(load_many(singles, providers=providers, env=both)) == len(wholes) + 1


def test_the_demo_needs_no_environment() -> None:
    path = next(path for path in CONFIGS if path.name == "demo.yaml")
    (config,) = load_many([path], providers=providers, env={})
    assert all(
        source.options.base_url.startswith("http://127.0.0.1:")
        for source in config.sources.values()
    )


@pytest.mark.parametrize("name", OURS)
def test_the_output_of_init_loads_and_matches_the_schema(
    name: str, tmp_path: Path, validator: Draft202012Validator
) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example(name, providers(name)), "utf-8")
    config = loaded(path)
    assert {source.provider for source in config.sources.values()} == {name}
    assert list(validator.iter_errors(as_editors_read(path.read_text("utf-8")))) == []

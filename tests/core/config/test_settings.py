"""Settings, and flags that override them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError, WithJsonSchema
from tests.docs.option_tables import option_table
from tests.messages import assert_messages

from backhaul import JobOptions, Moment, ProviderInfo, SourceOptions
from backhaul.config import Option, Settings, options
from backhaul.errors import ConfigError


def test_flags_replace_settings_in_yamls_spelling() -> None:
    settings = Settings().override(limit_rate="20M", wait="30m", connections=3, dest="x")
    assert settings.limit_rate == 20 << 20
    assert settings.wait == timedelta(minutes=30)
    assert (settings.connections, settings.dest) == (3, Path("x"))
    assert settings.retries == Settings().retries
    given = {"limit_rate", "wait", "connections", "dest"}
    assert settings.model_fields_set == given | {"connections_per_host"}


def test_the_connections_flag_applies_per_host_too_unless_the_file_limits_it() -> None:
    assert Settings().override(connections=500).connections_per_host == 500
    assert Settings(connections_per_host=4).override(connections=500).connections_per_host == 4


def test_an_invalid_connections_flag_is_one_error() -> None:
    with pytest.raises(ConfigError) as refused:
        Settings().override(connections=10_000_000)

    assert refused.value.problems == ("--connections should be at most 512",)


def test_a_lower_connections_flag_does_not_change_the_limit_per_host() -> None:
    before = Settings().connections_per_host
    assert Settings().override(connections=1).connections_per_host == before


def test_flags_that_were_not_given_change_nothing() -> None:
    settings = Settings().override(limit_rate="1K")
    assert settings.override(limit_rate=None, wait=None) is settings


def test_a_refused_flag_is_named_as_a_flag() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings().override(limit_rate="fast", connections=0)
    assert_messages(
        sorted(caught.value.problems),
        ("--connections ", "1"),
        ("--limit-rate ", "500K", "20M", "1G"),
    )


@pytest.mark.parametrize("workers", ["99", "x"])
def test_a_refused_flag_with_several_forms_is_one_error(workers: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings().override(workers=workers)
    assert_messages(list(caught.value.problems), ("--workers ", '"auto"', ", or "))


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Settings().connections = 3  # type: ignore[misc]  # that it cannot be is the point


@pytest.mark.parametrize("option", options(Settings), ids=lambda option: option.key)
def test_each_setting_is_described_and_its_default_loads(option: Option) -> None:
    assert option.meaning.endswith(".")
    assert not option.required
    if option.default != "null":
        assert Settings().override(**{option.key: _read(option.default)}) == Settings()


def _read(text: str) -> object:
    return int(text) if text.isdigit() else {"true": True, "false": False}.get(text, text)


def test_the_option_table_is_made_from_the_model(info: ProviderInfo) -> None:
    table = option_table(info.source)
    assert table.splitlines() == [
        "| key | type | default | meaning |",
        "|---|---|---|---|",
        "| `user` | string | *required* | Login. |",
        "| `password` | secret string | *required* | Its password. |",
        "| `api_version` | `1` or `2` | `2` | Version of the API. |",
        "| `base_url` | URL | `https://harbor.example` | Where the API is. |",
    ]


def test_a_time_is_shown_as_it_was_written() -> None:
    class Window(JobOptions):
        start: Moment = Moment.parse("-7d")
        end: Moment = Moment.parse("now")

    assert [option.default for option in options(Window)] == ["-7d", "now"]


def test_a_type_that_is_serialized_as_text_is_a_string() -> None:
    class Source(SourceOptions):
        pattern: Annotated[re.Pattern[str], WithJsonSchema({"type": "string"})]

    assert [option.type for option in options(Source)] == ["string"]


def test_the_option_table_knows_all_types(info: ProviderInfo) -> None:
    types = {option.key: (option.type, option.default) for option in options(info.job)}
    assert types == {
        "id": ("string", "null"),
        "name": ("string", "null"),
        "from": ("date or time, UTC", "null"),
        "day": ("date", "null"),
        "decks": ("integer", "null"),
        "sails": ("true or false", "false"),
        "draught": ("number", "1.5"),
        "every": ("duration", "null"),
        "split": ("size", "1M"),
        "kinds": ("list of `log` or `chart`", "[log]"),
        "params": ("mapping", "{}"),
        "parts": ("list of mapping", "[]"),
        "either": ("integer or `all`", "all"),
    }


def test_an_unknown_key_of_an_option_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as raised:
        Settings().override(store={"endpont": "http://127.0.0.1:9000"})

    assert raised.value.problems == ('--store: unknown key "endpont"; did you mean "endpoint"?',)

"""Settings, and flags that override them."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.told import assert_told

from backhaul import ProviderInfo
from backhaul.config import Option, Settings, option_table, options
from backhaul.errors import ConfigError


def test_flags_replace_settings_in_yamls_spelling() -> None:
    settings = Settings().override(limit_rate="20M", wait="30m", connections=3, dest="x")
    assert settings.limit_rate == 20 << 20
    assert settings.wait == timedelta(minutes=30)
    assert (settings.connections, settings.dest) == (3, Path("x"))
    assert settings.retries == Settings().retries
    given = {"limit_rate", "wait", "connections", "dest"}
    assert settings.model_fields_set == given | {"connections_per_host"}


def test_connections_by_a_flag_are_meant_for_one_host_too_unless_the_file_limits_it() -> None:
    assert Settings().override(connections=500).connections_per_host == 500
    assert Settings(connections_per_host=4).override(connections=500).connections_per_host == 4


def test_fewer_connections_by_a_flag_leave_those_of_a_host() -> None:
    before = Settings().connections_per_host
    assert Settings().override(connections=1).connections_per_host == before


def test_flags_that_were_not_given_change_nothing() -> None:
    settings = Settings().override(limit_rate="1K")
    assert settings.override(limit_rate=None, wait=None) is settings


def test_a_refused_flag_is_named_as_a_flag() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings().override(limit_rate="fast", connections=0)
    assert_told(
        sorted(caught.value.problems),
        ("--connections ", "1"),
        ("--limit-rate ", "500K", "20M", "1G"),
    )


def test_settings_cannot_be_changed_behind_ones_back() -> None:
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


def test_the_option_table_is_made_of_the_model(info: ProviderInfo) -> None:
    table = option_table(info.source)
    assert table.splitlines() == [
        "| key | type | default | meaning |",
        "|---|---|---|---|",
        "| `user` | string | *required* | Login. |",
        "| `password` | secret string | *required* | Its password. |",
        "| `api_version` | `1` or `2` | `2` | Version of the API. |",
        "| `base_url` | URL | `https://harbor.example` | Where the API is. |",
    ]


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

"""Any input gives a configuration or a ConfigError; a dumped configuration loads again."""

import re
import string
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.config.dump import dump

from backhaul.config import Config, Settings, load_text
from backhaul.config.diagnostics import Diagnostics
from backhaul.config.document import parse
from backhaul.config.read import Providers
from backhaul.config.values import Values
from backhaul.errors import ConfigError

FULL = """\
version: 1
settings: {dest: here, limit_rate: 20M, wait: ${WAIT:-1h}, connections: 3}
sources:
  main: &m {provider: harbor, user: "u", password: ${PW}, api_version: 1}
  other: {<<: *m, provider: lamp}
jobs:
  wren:
    source: main
    id: "no"
    from: 2016-12-01
    parts: [{weight: 2}, {weight: 3, label: 'x'}]
"""
WORDS = st.sampled_from(
    [
        *[
            "\t",
            "\n",
            "  ",
            ": ",
            "- ",
            "? ",
            "&a ",
            "*a",
            "<<: *m",
            "!!int ",
            "!x ",
            "{",
            "}",
            "[",
            "]",
        ],
        *[
            '"',
            "'",
            "#",
            "|",
            ">",
            "%",
            "@",
            "---\n",
            "...\n",
            "${",
            "}",
            "$$",
            "${PW}",
            "\0",
            "\x85",
        ],
        *[
            "\u2028",
            "\ufeff",
            "0123",
            "1:30",
            ".nan",
            "9" * 400,
            "2016-13-45",
            "2016-12-01",
            "~",
            "no",
        ],
        *[
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00",
            "sources",
            "jobs",
            "wren",
            "main",
        ],
        *["\\ud800", '"\\0"', "99999999999d", "1e999", "-1", "0x", "0b_", "é", "\U0001f6a2"],
    ]
)


def check(text: str | bytes, providers: Providers, env: dict[str, str]) -> None:
    problems: tuple[str, ...] = ()
    try:
        load_text(text, file="c.yaml", folder=Path("/nowhere"), providers=providers, env=env)
    except ConfigError as error:
        problems = error.problems or ("nothing",)
    for line in problems:
        assert line.isprintable()
        assert re.match(r"c\.yaml:[1-9]\d*:[1-9]\d*: \S", line)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_load_or_have_errors(harbor_providers: Providers, data: bytes) -> None:
    check(data, harbor_providers, {})


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_loads_or_has_errors(harbor_providers: Providers, text: str) -> None:
    check(text, harbor_providers, {})


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=30).map("".join))
def test_any_yaml_like_text_loads_or_has_errors(harbor_providers: Providers, text: str) -> None:
    check(text, harbor_providers, {"PW": "p"})


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(FULL)),
    st.integers(0, 6),
    st.lists(WORDS, max_size=3),
    st.sampled_from(["", "7"]),
)
def test_a_file_with_a_bad_spot_loads_or_has_errors(
    harbor_providers: Providers, at: int, drop: int, put: list[str], value: str
) -> None:
    check(FULL[:at] + "".join(put) + FULL[at + drop :], harbor_providers, {"PW": value})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(("settings", "sources", "jobs"), values)))
def test_any_values_instead_of_mappings_load_or_have_errors(
    harbor_providers: Providers, data: dict[str, Any]
) -> None:
    check(yaml.safe_dump(data, allow_unicode=True), harbor_providers, {})


sources = st.dictionaries(
    st.text(string.ascii_lowercase, min_size=1),
    st.dictionaries(st.text(), values, max_size=4),
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(sources, values)
def test_any_keys_of_a_source_and_a_job_load_or_have_errors(
    harbor_providers: Providers, found: dict[str, Any], job: object
) -> None:
    data = {
        "sources": {name: {**keys, "provider": "harbor"} for name, keys in found.items()},
        "jobs": {"j": {"source": next(iter(found), "x"), "parts": job, "id": job}},
    }
    check(yaml.safe_dump(data), harbor_providers, {})


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.dates() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def is_read_back(data: dict[str, object]) -> None:
    diagnostics = Diagnostics()
    node = parse(yaml.safe_dump(doubled(data)).encode(), "c.yaml", diagnostics)
    assert node is not None
    assert Values({}, diagnostics, folder=Path()).of(node) == data
    assert diagnostics.lines() == ()


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(texts, plain, min_size=1))
def test_dumped_yaml_is_read_back(data: dict[str, object]) -> None:
    is_read_back(data)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.dictionaries(texts, plain, min_size=1))
def test_much_dumped_yaml_is_read_back(data: dict[str, object]) -> None:
    is_read_back(data)


def doubled(value: Any) -> Any:
    """Values with each dollar doubled; keys are not interpolated."""
    if isinstance(value, dict):
        return {key: doubled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [doubled(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


spans = st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds))
sizes = st.integers(1, 1 << 50)
good_settings = st.builds(
    Settings,
    dest=st.text(string.ascii_letters + "é $.", min_size=1).map(
        lambda text: Path("/archive", text.strip() or "x")
    ),
    connections=st.integers(1, 512),
    connections_per_host=st.integers(1, 512),
    limit_rate=st.none() | sizes,
    retries=st.integers(0, 100),
    wait=st.timedeltas(timedelta(0), timedelta(days=366)),
    connect_timeout=spans,
    max_file_size=sizes,
    durable=st.booleans(),
    user_agent=st.none() | st.text("abc/1. $(){}", min_size=1, max_size=20),
)
jobs = st.fixed_dictionaries(
    {"id": texts},
    optional={
        "from": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis requires naive bounds
        "day": st.dates(date(1, 1, 1)),
        "decks": st.integers(1, 20),
        "sails": st.booleans(),
        "draught": st.floats(allow_nan=False, allow_infinity=False),
        "params": st.dictionaries(texts, st.integers(), max_size=3),
        "split": sizes,
        "either": st.integers() | st.just("all"),
        "parts": st.lists(
            st.fixed_dictionaries({"weight": st.integers(1), "label": texts}), max_size=2
        ),
    },
)


jobs_by_name = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=9), jobs)


@settings(max_examples=40, deadline=None)
@given(good_settings, jobs_by_name)
def test_a_dumped_configuration_loads_unchanged(
    harbor_providers: Providers, chosen: Settings, keys: dict[str, Any]
) -> None:
    loads_to_the_same(harbor_providers, chosen, keys)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(good_settings, jobs_by_name)
def test_many_dumped_configurations_load_unchanged(
    harbor_providers: Providers, chosen: Settings, keys: dict[str, Any]
) -> None:
    loads_to_the_same(harbor_providers, chosen, keys)


def loads_to_the_same(providers: Providers, chosen: Settings, keys: dict[str, Any]) -> None:
    usable = {f"j-{name}": {"source": "h", **doubled(each)} for name, each in keys.items()}
    text = yaml.safe_dump(
        {"sources": {"h": {"provider": "harbor", "user": "u", "password": "***"}}, "jobs": usable}
    )
    first = load_text(text, folder=Path("/nowhere"), providers=providers, env={})
    object.__setattr__(first, "settings", chosen)
    second = load_text(dump(first), folder=Path("/nowhere"), providers=providers, env={})
    assert second.settings == chosen
    assert {name: source.options for name, source in second.sources.items()} == {
        name: source.options for name, source in first.sources.items()
    }
    assert {name: job.options for name, job in second.jobs.items()} == {
        name: job.options for name, job in first.jobs.items()
    }


def test_a_dump_holds_no_secret(load_yaml: Callable[..., Config]) -> None:
    config = load_yaml("sources: {h: {provider: harbor, user: u, password: sesame77}}")
    assert "sesame77" not in dump(config)
    assert "password: '***'" in dump(config)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(st.integers(0, len(FULL)), st.integers(0, 40), st.lists(WORDS, max_size=8))
def test_a_file_with_many_bad_spots_loads_or_has_errors(
    harbor_providers: Providers, at: int, drop: int, put: list[str]
) -> None:
    check(FULL[:at] + "".join(put) + FULL[at + drop :], harbor_providers, {"PW": "p"})

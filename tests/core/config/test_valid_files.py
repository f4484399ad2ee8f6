"""Valid files and the resulting configurations."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from backhaul import Secret
from backhaul.config import Config, Place

Load = Callable[..., Config]

FULL = """\
version: 1
settings:
  dest: here
  limit_rate: 20M
  wait: 1h30m
sources:
  main: {provider: harbor, user: u, password: "12345", api_version: 1, base_url: "http://127.0.0.1:9/x/"}
jobs:
  wren:
    source: main
    wait: 2h
    id: "no"
    from: 2016-12-01
    day: 2016-12-02
    decks: 3
    sails: yes
    draught: 2
    every: 10m
    split: 2M
    kinds: [chart]
    params: {x: 1}
    parts: [{weight: 2}]
    either: 5
"""


def test_every_type_of_value_is_loaded(load_yaml: Load, tmp_path: Path) -> None:
    config = load_yaml(FULL)
    assert config.settings.dest == tmp_path / "here"
    assert config.settings.limit_rate == 20 << 20
    assert config.settings.wait == timedelta(minutes=90)
    source, job = config.sources["main"], config.jobs["wren"]
    assert source.provider == "harbor"
    assert source.options.password == Secret("12345")
    assert source.options.base_url == "http://127.0.0.1:9/x"
    assert job.source is source
    assert (job.dest.folder, job.wait) == (tmp_path / "here", timedelta(hours=2))
    assert job.place == Place("c.yaml", 9, 3)
    assert job.plugin_error is None
    ship = job.options
    assert (ship.id, ship.name) == ("no", None)
    assert (ship.start, ship.day) == (datetime(2016, 12, 1, tzinfo=UTC), date(2016, 12, 2))
    assert (ship.decks, ship.sails, ship.draught) == (3, True, 2.0)
    assert (ship.every, ship.split) == (timedelta(minutes=10), 2 << 20)
    assert (ship.kinds, ship.params, ship.either) == (["chart"], {"x": 1}, 5)
    assert [part.weight for part in ship.parts] == [2]


def test_everything_but_sources_can_be_omitted(load_yaml: Load, tmp_path: Path) -> None:
    config = load_yaml("sources: {h: {provider: harbor, user: u, password: p}}")
    assert config.jobs == {}
    assert config.settings.dest == tmp_path / "archive"
    assert config.settings.durable


def test_empty_sections_are_treated_as_omitted(load_yaml: Load) -> None:
    config = load_yaml("settings:\njobs:\nsources: {h: {provider: harbor, user: u, password: p}}")
    assert config.jobs == {}


def test_top_level_keys_that_begin_with_x_can_hold_anchors(load_yaml: Load) -> None:
    config = load_yaml(
        "x-years: &years {from: 2016-01-01, decks: 2}\n"
        "sources: {h: {provider: harbor, user: u, password: p}}\n"
        "jobs: {a: {source: h, id: x, <<: *years, decks: 5}}\n"
    )
    assert config.jobs["a"].options.start == datetime(2016, 1, 1, tzinfo=UTC)
    assert config.jobs["a"].options.decks == 5


def test_a_tilde_is_expanded_to_the_home_folder(
    load_yaml: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sources = "sources: {h: {provider: harbor, user: u, password: p}}"
    config = load_yaml(f"settings: {{dest: ~/deep/archive}}\n{sources}")
    assert config.settings.dest == tmp_path / "home/deep/archive"


def test_a_password_is_not_printed(load_yaml: Load) -> None:
    config = load_yaml("sources: {h: {provider: harbor, user: u, password: sesame77}}")
    assert "sesame77" not in repr(config)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(load_yaml: Load) -> None:
    text = "sources: {h: {provider: harbor, user: u, password: p}}\r\njobs:\r\n  é: {source: h, id: x}\r\n"
    config = load_yaml(b"\xef\xbb\xbf" + text.encode())
    assert config.jobs["é"].place == Place("c.yaml", 3, 3)


def test_a_job_inherits_from_its_settings_and_its_source(load_yaml: Load) -> None:
    config = load_yaml(
        "settings: {wait: 30m}\n"
        "sources: {h: {provider: harbor, user: u, password: p, accept_unproven: true}}\n"
        "jobs: {a: {source: h, id: x}, b: {source: h, id: y, wait: 0s, accept_unproven: false}}\n"
    )
    a, b = config.jobs.values()
    assert (a.wait, a.accept_unproven) == (timedelta(minutes=30), True)
    assert (b.wait, b.accept_unproven) == (timedelta(0), False)

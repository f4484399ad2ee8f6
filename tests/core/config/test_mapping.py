"""A mapping instead of a file."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import backhaul
from backhaul.errors import ConfigError

GOOD: dict[str, Any] = {
    "version": 1,
    "sources": {
        "hours": {
            "provider": "http-series",
            "url": "https://data.example.org/{start:%Y-%m-%d}.json.gz",
            "every": "1d",
        }
    },
    "jobs": {"january": {"source": "hours", "from": date(2015, 1, 1), "to": "2015-02-01"}},
}


def test_a_mapping_loads_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    archive = backhaul.load({**GOOD, "settings": {"dest": Path("here")}})

    assert archive.jobs == ("january",)
    assert archive.settings.dest == tmp_path / "here"


def test_each_error_names_its_path() -> None:
    bad = {
        **GOOD,
        "settings": {"connections": "many", 5: 1, "dest": object()},
        "jobs": {"january": {"source": "hours", "form": "2015-01-01"}},
    }

    with pytest.raises(ConfigError) as refused:
        backhaul.load(bad)

    text = "\n".join(refused.value.problems)
    for path in ("settings.connections", "settings.5", "settings.dest", "jobs.january.form"):
        assert f"{path}: " in text, text


HOURS = GOOD["sources"]["hours"]
JOB = GOOD["jobs"]["january"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version: unsupported"),
        ({"settings": {"connections": 0}}, "settings.connections: should be at least 1"),
        ({"settings": {"worker": 1}}, 'settings.worker: unknown key "worker"'),
        (
            {"settings": {"on_job": {"command": ["a", 1]}}},
            "settings.on_job.command[1]: is read by YAML",
        ),
        ({"settings": {"store": {"region": "x"}}}, "settings.store: is for object stores"),
        ({"sources": {"hours": {}}}, 'sources.hours: missing key "provider"'),
        ({"sources": {"hours": {**HOURS, "url": "ftp://a"}}}, "sources.hours.url: must be an"),
        ({"sources": {"hours": {**HOURS, "name": "one"}}}, "jobs.january: would give two files"),
        ({"jobs": []}, "jobs: should be a mapping"),
        ({"jobs": {"january": None}}, "jobs.january: should be a mapping"),
        ({"jobs": {"january": {}}}, 'jobs.january: missing key "source"'),
        ({"jobs": {"january": {"source": "x"}}}, 'jobs.january.source: there is no source "x"'),
        ({"jobs": {"january": {**JOB, "to": 5}}}, "jobs.january.to: should be a date"),
        ({"jobs": {"a/b": JOB}}, 'jobs.a/b: the job\'s name "a/b" contains'),
        ({"sources": None}, "sources: should be a mapping"),
    ],
    ids=lambda given: "" if isinstance(given, dict) else given.partition(":")[0],
)
def test_a_path_is_given_once(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        backhaul.load({**GOOD, **change})

    assert refused.value.problems[0].startswith(problem)


def test_a_missing_section_is_an_error_of_the_whole_configuration() -> None:
    with pytest.raises(ConfigError) as refused:
        backhaul.load({"version": 1})

    assert refused.value.problems == ('configuration: missing key "sources"; add it',)


def test_a_mapping_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = dict(GOOD)
    loop["settings"] = loop

    with pytest.raises(ConfigError, match="nested too deeply"):
        backhaul.load(loop)

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


def test_it_says_what_a_file_would_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    archive = backhaul.load({**GOOD, "settings": {"dest": Path("here")}})

    assert archive.jobs == ("january",)
    assert archive.settings.dest == tmp_path / "here"


def test_each_mistake_names_its_path() -> None:
    bad = {
        **GOOD,
        "settings": {"connections": "many", 5: 1, "dest": object()},
        "jobs": {"january": {"source": "hours", "form": "2015-01-01"}},
    }

    with pytest.raises(ConfigError) as refused:
        backhaul.load(bad)

    said = "\n".join(refused.value.problems)
    for path in ("settings.connections", "settings.5", "settings.dest", "jobs.january.form"):
        assert f"{path}: " in said, said


def test_a_mapping_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = dict(GOOD)
    loop["settings"] = loop

    with pytest.raises(ConfigError, match="nested too deeply"):
        backhaul.load(loop)

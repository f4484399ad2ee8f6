"""A YAML file for an emulated archive, and commands that use it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from backhaul.cli.main import main
from backhaul.testing import Emulator
from backhaul_http_archives.emulated_series import HttpSeriesEmulator

Made = Callable[..., "Home"]


@dataclass
class Home:
    """An archive's configuration.

    Attributes:
        one: the emulator.
        path: the YAML file.
        source, job: its keys; ``change`` updates and rewrites them.
    """

    one: Emulator
    path: Path
    capsys: pytest.CaptureFixture[str]
    source: dict[str, Any] = field(default_factory=dict)
    job: dict[str, Any] = field(default_factory=dict)

    def write(self) -> None:
        document = {
            "version": 1,
            "settings": {"dest": "archive", "retries": 1},
            "sources": {"s": self.source},
            "jobs": {"job": {"source": "s", **self.job}},
        }
        self.path.write_text(yaml.safe_dump(document, sort_keys=False))

    def change(self, *, source: dict[str, Any] | None = None, **job: Any) -> None:
        self.source |= source or {}
        self.job |= job
        self.write()

    def command(self, *words: str) -> tuple[int, Any]:
        """Exit code and JSON of a command."""
        self.capsys.readouterr()
        code = main([words[0], str(self.path), *words[1:], "--json"])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        return code, json.loads(out)

    def run(self, *words: str) -> tuple[int, Any]:
        """The exit code of a run, and the result of its only job."""
        code, result = self.command("run", *words)
        (job,) = result["jobs"]
        return code, job

    def gaps(self) -> list[tuple[str, str]]:
        """Start and state of each slot that is not verified."""
        (job,) = self.command("gaps")[1]["jobs"]
        return [(slot["start"], slot["state"]) for slot in job["slots"]]

    def asked(self) -> list[str]:
        """The paths requested since the last call."""
        found = [entry.path for entry in self.one.requests if entry.method == "GET"]
        self.one.requests.clear()
        return found

    @property
    def here(self) -> set[str]:
        folder = self.path.parent / "archive" / "job"
        names = (
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        return {
            name
            for name in names
            if name not in {"MANIFEST.jsonl", "SHA256SUMS", "datapackage.json"}
        }


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Made]:
    """Writes an emulator's YAML: ``home(HttpSeriesEmulator, missing=[...])``."""
    running: list[Emulator] = []

    def make(kind: type[Emulator] = HttpSeriesEmulator, **scale: Any) -> Home:
        one = kind(**scale).start()
        running.append(one)
        (job,) = one.jobs().values()
        made = Home(one, tmp_path / "archive.yaml", capsys, one.source(), dict(job))
        made.write()
        return made

    yield make
    for one in running:
        one.stop()
        assert not one.errors

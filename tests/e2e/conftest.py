"""The command line against emulators on real sockets."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from tests import warm

from backhaul.cli.main import main
from backhaul.testing import Emulator
from backhaul.testing.serve import emulator

PROGRAM = [sys.executable, "-m", "backhaul"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def backhaul(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line in this process."""

    def run(*words: object) -> Ended:
        capsys.readouterr()
        code = main([str(word) for word in words])
        seen = capsys.readouterr()
        return Ended(code=code, out=seen.out, err=seen.err)

    return run


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line in a subprocess."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        process = warm.Popen([*PROGRAM, *map(str, words)], **options)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def _day(tmp_path_factory: pytest.TempPathFactory) -> "Bench":
    folder = tmp_path_factory.mktemp("day")
    with emulator("gnip-hpt", silent=0.05) as one:
        made = Bench.over(one, folder / "gnip-hpt.yaml")
        words = [*PROGRAM, "run", str(made.path)]
        warm.run(words, check=True, capture_output=True)
    return made


@pytest.fixture
def fetched_day(_day: "Bench", tmp_path: Path) -> "Bench":
    """A copy of a complete one-day job; its emulator is stopped."""
    shutil.copytree(_day.path.parent, tmp_path / "home")
    return replace(
        _day, path=tmp_path / "home" / _day.path.name, document=copy.deepcopy(_day.document)
    )


@dataclass(slots=True, kw_only=True)
class Bench:
    """A running emulator and a YAML file for it."""

    one: Emulator
    path: Path
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def over(cls, one: Emulator, path: Path) -> Self:
        """Uses a YAML file with the emulator's example jobs."""
        path.parent.mkdir(parents=True, exist_ok=True)
        made = cls(
            one=one,
            path=path,
            document={
                "version": 1,
                "settings": {"dest": "archive", "retries": 1},
                "sources": {"account": one.source()},
                "jobs": {name: {"source": "account", **keys} for name, keys in one.jobs().items()},
            },
        )
        made.write()
        return made

    @property
    def archive(self) -> Path:
        return self.path.parent / "archive"

    def write(self, **changes: Any) -> Path:
        """Writes the YAML with some values changed; dotted names are nested keys."""
        for name, value in changes.items():
            *way, last = name.split("__")
            place = self.document
            for key in way:
                place = place[key]
            place[last] = value
        self.path.write_text(yaml.safe_dump(self.document, sort_keys=False))
        return self.path

    def file_requests(self) -> int:
        return sum(1 for entry in list(self.one.requests) if entry.port == self.one.files_at)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Starts an emulator and writes its YAML file."""
    running: list[Emulator] = []

    def start(provider: str = "gnip-hpt", **settings: Any) -> Bench:
        one = emulator(provider, **settings).start()
        running.append(one)
        return Bench.over(one, tmp_path / f"{provider}.yaml")

    yield start
    for one in running:
        one.stop()

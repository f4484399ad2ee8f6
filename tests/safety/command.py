"""Runs the real command in this process, with a configuration made of emulators."""

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backhaul.cli.main import main
from backhaul.testing.emulator import Emulator


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command.

    Attributes:
        code: its exit status.
        out: its stdout.
        err: its stderr.
    """

    code: int
    out: str
    err: str

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of ``--json``."""
        found: list[dict[str, Any]] = json.loads(self.out)["jobs"]
        return found

    @property
    def job(self) -> dict[str, Any]:
        """The only job of ``--json``."""
        (only,) = self.jobs
        return only

    @property
    def kinds(self) -> set[str]:
        """The kinds of all failures."""
        return {failure["kind"] for job in self.jobs for failure in job["failures"]}


def write_config(
    folder: Path,
    emulator: Emulator,
    *,
    settings: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    jobs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Writes a configuration that uses the emulator; JSON is valid YAML."""
    wanted = emulator.jobs() if jobs is None else jobs
    text = {
        "version": 1,
        "settings": {"dest": "archive", "retries": 1, "min_free_space": 0, **(settings or {})},
        "sources": {"source": {**emulator.source(), **(source or {})}},
        "jobs": {name: {"source": "source", **keys} for name, keys in wanted.items()},
    }
    path = folder / "backhaul.yaml"
    path.write_text(json.dumps(text))
    return path


def call(*words: str | Path) -> Ran:
    """Runs a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Ran(code, out.getvalue(), err.getvalue())


def run(config: Path, *words: str) -> Ran:
    """``backhaul run --json``."""
    return call("run", config, "--json", *words)


def published(dest: Path) -> dict[str, str]:
    """Each published file with its hash."""
    return {
        path.relative_to(dest).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(dest.rglob("*"))
        if path.is_file() and not ours(path, dest)
    }


def unfinished(dest: Path) -> list[str]:
    """Parts and their sidecars."""
    return [path.name for path in dest.rglob("*.part*")]


def ours(path: Path, dest: Path) -> bool:
    """Whether a path is not a delivered file."""
    inside: Sequence[str] = path.relative_to(dest).parts
    return ".backhaul" in inside or ".part" in path.name or path.name in _OURS


_OURS = frozenset({"MANIFEST.jsonl", "SHA256SUMS", "datapackage.json"})

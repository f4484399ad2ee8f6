"""Secrets stored in a file or returned by a command: read when needed, never printed."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from backhaul.testing import Emulator
from backhaul.testing.serve import emulator

PROVIDERS = {
    "gnip-hpt": "password",
    "stocktwits-backup": "password",
    "datasift-historics": "api_key",
    "s3-prefix": "secret_access_key",
    "http-series": "auth.basic.1",
    "http-index": "auth.bearer",
}
SCALES: dict[str, dict[str, Any]] = {
    "datasift-historics": {"step": None, "quiet_every": 0, "waiting": 0}
}


@pytest.fixture
def served() -> Iterator[Callable[[str], Emulator]]:
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(emulator(name, **SCALES.get(name, {})))


def written(folder: Path, one: Emulator, stored: Any) -> tuple[Path, str]:
    """A configuration with a stored secret, and the secret."""
    source = one.source()
    *steps, last = PROVIDERS[one.provider].split(".")
    holder: Any = source
    for step in steps:
        holder = holder[step]
    key: Any = int(last) if last.isdecimal() else last
    secret = holder[key]
    holder[key] = stored
    name, job = next(iter(one.jobs().items()))
    document = {
        "version": 1,
        "settings": {"dest": "archive", "retries": 0},
        "sources": {"s": source},
        "jobs": {name: {"source": "s", **job}},
    }
    path = folder / "backhaul.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path, secret


def told(folder: Path, text: str, *, code: int = 0) -> list[str]:
    """A command that prints a text, and counts its calls."""
    program = folder / "tell"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen('runs', 'a').write('x')\n"
        f"sys.stdout.write({text!r})\nsys.exit({code})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return ["./tell"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("how", ["file", "command"])
def test_every_secret_may_be_stored(
    backhaul: Callable[..., Any],
    served: Callable[[str], Emulator],
    tmp_path: Path,
    provider: str,
    how: str,
) -> None:
    one = served(provider)
    path, secret = written(tmp_path, one, {how: "secret" if how == "file" else ["./tell"]})
    (tmp_path / "secret").write_text(f"{secret}\n")
    told(tmp_path, f"{secret}\n")
    for words in (("validate",), ("status", "--offline"), ("files",), ("validate", "--show")):
        ended = backhaul(words[0], path, *words[1:])
        assert "Traceback" not in ended.err
    assert not (tmp_path / "runs").exists()  # none of these reads it
    ended = backhaul("run", path, "-vv", "--json")
    assert ended.code == 0, ended.err
    assert secret not in ended.out + ended.err
    for command in ("verify", "gaps", "files", "rollup"):
        shown = backhaul(command, path)
        assert secret not in shown.out + shown.err
    if how == "command":
        assert (tmp_path / "runs").read_text() == "x"
    for each in tmp_path.rglob("*"):
        if each.is_file() and each.name not in {"secret", "tell"}:
            assert secret.encode() not in each.read_bytes(), each


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        ({"file": "nothing"}, "is missing or not a regular file"),
        ({"file": "."}, "is missing or not a regular file"),
        ({"file": "empty"}, "holds nothing"),
        ({"file": "lines"}, "line breaks"),
        ({"file": "binary"}, "not UTF-8"),
        ({"command": ["./nothing"]}, "cannot be run"),
        ({"command": ["./tell"]}, "exit code 3"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    backhaul: Callable[..., Any],
    served: Callable[[str], Emulator],
    tmp_path: Path,
    stored: dict[str, Any],
    word: str,
) -> None:
    path, _ = written(tmp_path, served("stocktwits-backup"), stored)
    told(tmp_path, "hunter2hunter2", code=3)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text("hunter2\nhunter2\n")
    (tmp_path / "binary").write_bytes(b"hunter2\xff")
    assert backhaul("validate", path).code == 0
    for command in ("run", "plan"):
        ended = backhaul(command, path)
        assert ended.code == 2
        lines = path.read_text().splitlines()
        number = next(n for n, line in enumerate(lines, 1) if next(iter(stored)) + ":" in line)
        assert f"{path}:{number}:" in ended.out + ended.err
        assert word in ended.out + ended.err
        assert "hunter2" not in ended.out + ended.err
        assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("written_as", "word"),
    [
        ("{fiel: x}", "{file: PATH}"),
        ("{file: x, command: [y]}", "{file: PATH}"),
        ("{file: [x]}", "name a file"),
        ("{command: x}", "program and its arguments"),
        ("{command: []}", "program and its arguments"),
        ("[x]", "string"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    backhaul: Callable[..., Any], tmp_path: Path, written_as: str, word: str
) -> None:
    path = tmp_path / "backhaul.yaml"
    path.write_text(
        "version: 1\nsources:\n  s:\n    provider: stocktwits-backup\n    username: me\n"
        f"    password: {written_as}\njobs:\n  j: {{source: s, from: 2016-12-01, to: 2016-12-02}}\n"
    )
    ended = backhaul("validate", path)
    assert ended.code == 2
    assert f"{path}:6:15: sources.s.password" in ended.err
    assert word in ended.err


def test_a_pipe_blocks_nothing(
    backhaul: Callable[..., Any], served: Callable[[str], Emulator], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    path, _ = written(tmp_path, served("stocktwits-backup"), {"file": "pipe"})
    assert backhaul("run", path).code == 2

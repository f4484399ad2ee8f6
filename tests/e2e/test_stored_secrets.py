"""Secrets stored in a file or returned by a command: read when needed, never printed."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.soon import SOON, soon
from tests.usual import usual

from backhaul import Secret, stored_secret
from backhaul.errors import ConfigError
from backhaul.stored_secret import StoredSecret
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
    "gnip-hpt": {"slots": 6},
    "datasift-historics": {"step": None, "quiet_every": 0, "waiting": 0},
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


def printing_command(folder: Path, text: str, *, code: int = 0) -> list[str]:
    """A command that prints a text, and counts its calls."""
    program = folder / "tell"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen('runs', 'a').write('x')\n"
        f"sys.stdout.write({text!r})\nsys.exit({code})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return ["./tell"]


@pytest.mark.parametrize("provider", usual(PROVIDERS, "gnip-hpt", "http-series"))
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
    printing_command(tmp_path, f"{secret}\n")
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
        ({"file": "empty"}, "contains nothing"),
        ({"file": "lines"}, "line breaks"),
        ({"file": "binary"}, "not UTF-8"),
        ({"command": ["./nothing"]}, "cannot be run"),
        ({"command": ["./tell"]}, "exit code 3"),
    ],
)
def test_an_unreadable_secret_is_reported_with_its_position(
    backhaul: Callable[..., Any],
    served: Callable[[str], Emulator],
    tmp_path: Path,
    stored: dict[str, Any],
    word: str,
) -> None:
    path, _ = written(tmp_path, served("stocktwits-backup"), stored)
    printing_command(tmp_path, "hunter2hunter2", code=3)
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
def test_an_error_is_reported_with_its_position(
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


PROMPT = """#!/bin/sh
trap : TERM
sleep 600 &
echo $$ $! > pids.new
mv pids.new pids
wait
sleep 600
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "number", usual([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGTERM)
)
def test_the_processes_of_a_command_end_with_backhaul(
    served: Callable[[str], Emulator],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """The command ignores SIGTERM, and has started a process of its own."""
    program = tmp_path / "prompt"
    program.write_text(PROMPT)
    program.chmod(0o700)
    path, _ = written(tmp_path, served("gnip-hpt"), {"command": ["./prompt"]})
    words = [sys.executable, "-m", "backhaul", "run", str(path)]
    process = subprocess.Popen(  # without a terminal
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert soon((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(map(is_running, pids))

    try:
        process.send_signal(number)

        process.communicate(timeout=SOON)
        assert process.returncode == 130
        assert soon(lambda: not any(map(is_running, pids)))
    finally:
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("yes", "printed more than 64 KiB"),
        ("sleep 20 & echo secret", ""),
        ("exec >&-; sleep 0.2; exit 3", "failed with exit code 3"),
        ("kill -9 $$", "failed with exit code -9"),
    ],
    ids=["endless output", "a child that holds the pipe", "output closed early", "killed"],
)
def test_a_command_is_read_whatever_it_does(tmp_path: Path, script: str, message: str) -> None:
    secret = Secret.of(StoredSecret(None, ("sh", "-c", script), "a.yaml:1:1", tmp_path))

    if message:
        with pytest.raises(ConfigError, match=message):
            secret.reveal()
    else:
        assert secret.reveal() == "secret"


def test_a_command_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_secret, "_PATIENCE", 0.2)
    words = ("sh", "-c", "echo $$ > pid; sleep 600")
    secret = Secret.of(StoredSecret(None, words, "a.yaml:1:1", tmp_path))

    with pytest.raises(ConfigError, match="did not end within"):
        secret.reveal()

    assert not is_running(int((tmp_path / "pid").read_text()))

"""Commands whose standard streams are closed, are pipes, or are shared with a printing plugin."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.usual import usual

PLUGIN = """
import os, subprocess, sys
from backhaul import JobOptions, ProviderInfo, SourceOptions, hookimpl

@hookimpl
def provider():
    print("printed by provider")
    return ProviderInfo("Chatty", SourceOptions, JobOptions)

@hookimpl
def resolve_files():
    print("printed by resolve_files")
    os.write(1, b"written to file 1\\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    return []
"""
CONFIG = "version: 1\nsettings: {dest: archive, min_free_space: 0}\nsources: {s: {provider: chatty}}\njobs: {j: {source: s}}\n"
PROGRAM = "import sys; from backhaul.cli.main import main; sys.exit(main())"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "chatty.py").write_text(PLUGIN)
    info = tmp_path / "chatty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[backhaul.providers]\nchatty = chatty\n")
    (tmp_path / "job.yaml").write_text(CONFIG)
    return tmp_path


def backhaul(here: Path, *words: str, shell: str = 'exec "$@"', **given: Any) -> Any:
    if shell == 'exec "$@"' and "env" not in given:
        return warm.run(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(here)},
            capture_output=True,
            timeout=50,
            **given,
        )
    return subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-c", PROGRAM, *words],
        cwd=here,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(here), **given.pop("env", {})},
        capture_output=True,
        check=False,
        timeout=50,
        **given,
    )


@pytest.mark.parametrize("words", usual([["run"], ["plan"], ["status"]], ["run"]))
def test_the_output_of_a_plugin_goes_to_stderr(here: Path, words: list[str]) -> None:
    ran = backhaul(here, *words, "job.yaml", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["jobs"][0]["job"]) == (0, "j")
    assert b"printed by provider" in ran.stderr
    if words == ["run"]:
        for output in (b"printed by resolve_files", b"written to file 1", b"printed by a child"):
            assert output in ran.stderr


@pytest.mark.parametrize("closed", usual(["0<&-", "2>&-", "1>&-", "0<&- 1>&- 2>&-"], "1>&-"))
def test_a_closed_stream_changes_nothing_else(here: Path, closed: str) -> None:
    ran = backhaul(here, "run", "job.yaml", shell=f'exec "$@" {closed}')
    assert ran.returncode == 0
    assert (here / "archive" / ".backhaul" / "ledger.sqlite").read_bytes()[:6] == b"SQLite"


@pytest.mark.parametrize("locale", usual(["C", "POSIX", "en_US.ISO-8859-1"], "C"))
def test_a_locale_without_unicode_does_no_harm(here: Path, locale: str) -> None:
    env = {"LC_ALL": locale, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    text = CONFIG.replace("{j: ", "{jäger: ")
    ran = backhaul(here, "run", "-", input=text.encode(), env=env)
    assert ran.returncode == 0, ran.stderr
    assert (here / "archive" / "jäger").is_dir()


@pytest.mark.parametrize(
    ("path", "shell"),
    [
        ("-", 'exec "$@"'),
        ("/dev/stdin", 'exec "$@"'),
        ("x", 'exec "${@:1:$#-1}" <(cat)'),
    ],
)
@pytest.mark.parametrize("command", usual(["run", "files"], "run"))
def test_a_configuration_from_a_pipe_has_its_archive_in_the_current_folder(
    here: Path, path: str, shell: str, command: str
) -> None:
    ran = backhaul(here, command, path, shell=shell, input=CONFIG.encode())
    assert (ran.returncode, ran.stderr.count(b"error")) == (0, 0), ran.stderr
    assert (here / "archive").exists() == (command == "run")


def test_an_error_in_a_configuration_from_a_pipe_is_reported_in_full(here: Path) -> None:
    ran = backhaul(here, "files", "-", input=CONFIG.replace("dest:", "dst:").encode())
    assert ran.returncode == 2
    assert b":2:" in ran.stderr

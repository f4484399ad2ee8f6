"""Completion in each shell offers names, quickly, offline and without a word on stderr."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import warm

from backhaul.plugins.discovery import Plugins
from backhaul.testing.faults import KINDS

YAML = "jobs: {worldcup: {source: x}, wide: {source: x}, other: 5, '=odd': 1}\n"


def offered(folder: Path, typed: str, shell: str = "bash") -> list[str]:
    """The words that are offered for the last word of the line."""
    words = typed.split(" ")
    asked = {
        "bash": {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": typed},
        "fish": {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "powershell": {
            "_TYPER_COMPLETE_ARGS": typed,
            "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1],
        },
    }[shell]
    done = warm.run(
        [sys.executable, "-m", "backhaul"],
        cwd=folder,
        env={**os.environ, **asked, "_BACKHAUL_COMPLETE": f"complete_{shell}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    if shell == "zsh":
        return done.stdout.split('"')[1::2]
    return [line.partition(":::")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_jobs_are_offered_in_each_shell(tmp_path: Path, shell: str) -> None:
    (tmp_path / "backhaul.yaml").write_text(YAML)

    assert offered(tmp_path, "backhaul run --job w", shell) == ["worldcup", "wide"]


@pytest.mark.parametrize(
    "typed",
    [
        "backhaul files more.yaml --job ",
        "backhaul files more.yaml --job x --job ",
        "backhaul files --job x more.yaml --job ",
        "backhaul gaps --quiet more.yaml --job m",
        "backhaul run more.yaml --same-archive ",
    ],
)
def test_jobs_are_those_of_the_files_on_the_line(tmp_path: Path, typed: str) -> None:
    (tmp_path / "backhaul.yaml").write_text(YAML)
    (tmp_path / "more.yaml").write_text(
        "jobs: {mine: {source: x}}\nsources: {s: {password: !!x y}}\n"
    )

    assert offered(tmp_path, typed) == ["mine"]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("backhaul files --state s", ["suspect"]),
        ("backhaul jobs --source ", ["gnip", "hours"]),
        ("backhaul jobs --source gnip --source h", ["hours"]),
        ("backhaul emulate --fault ", list(KINDS)),
        ("backhaul init ", Plugins().names),
        ("backhaul plugins test s3", ["s3-prefix"]),
        ("backhaul emulate http", ["http-index", "http-series"]),
        ("backhaul status --color ", ["auto", "always", "never"]),
    ],
)
def test_other_names_are_offered_too(tmp_path: Path, typed: str, names: list[str]) -> None:
    (tmp_path / "backhaul.yaml").write_text("jobs: {other: 1}\nsources: {gnip: {}, hours: {}}\n")

    assert offered(tmp_path, typed) == names


@pytest.mark.parametrize("text", [None, "jobs: [", "jobs: 5", "- a", "\x00", "jobs: {[a]: b}"])
def test_an_unreadable_file_offers_no_completions(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "backhaul.yaml").write_text(text)

    assert offered(tmp_path, "backhaul run --job ") == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "backhaul.yaml")

    assert offered(tmp_path, "backhaul run --job ") == []


def test_a_package_with_broken_metadata_does_not_break_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken-1.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_text("[backhaul.providers]\nx = [\n")
    (broken / "METADATA").write_bytes(b"\xff")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert "gnip-hpt" in offered(tmp_path, "backhaul init g")


def test_completion_loads_neither_configurations_nor_providers(tmp_path: Path) -> None:
    (tmp_path / "backhaul.yaml").write_text(YAML)
    program = (
        "import sys\nfrom backhaul.cli.app import invoke\ninvoke([])\n"
        "loaded = {'backhaul.config', 'requests', 'pycurl', 'backhaul_gnip_hpt'} & sys.modules.keys()\n"
        "sys.stderr.write(str(sorted(loaded)))\n"
    )
    asked = {"COMP_WORDS": "backhaul run --job ", "COMP_CWORD": "3"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, **asked, "_BACKHAUL_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "worldcup" in done.stdout
    assert done.stderr == "[]"

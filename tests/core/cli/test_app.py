"""Commands are known by name; a command's module is imported only when it is called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backhaul.cli.app import COMMANDS, load

CLI = Path(sys.modules["backhaul.cli.app"].__file__ or "").parent
LOADED = (
    "import atexit, json, os, sys\n"
    "from backhaul.cli.app import COMMANDS, invoke\n"
    "os.environ.update(TERM='dumb', NO_COLOR='1')\n"
    "code = invoke(sys.argv[1:])\n"
    "names = [each for each in COMMANDS if f'backhaul.cli.{each}' in sys.modules]\n"
    "names += [each for each in sys.modules if each.startswith('backhaul_')]\n"
    "print(json.dumps([code, names]))\n"
)


def _loaded(
    *words: str, **environment: str
) -> tuple[int, list[str], subprocess.CompletedProcess[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    return code, names, done


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_summary_is_the_first_line_of_its_help(name: str) -> None:
    assert (load(name).help or "").splitlines()[0] == COMMANDS[name]


def test_the_list_of_commands_imports_none_of_them() -> None:
    code, names, done = _loaded("--help")

    assert (code, names) == (0, [])
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_a_command_imports_its_own_module_alone() -> None:
    code, names, done = _loaded("schema", "--help")

    assert (code, names) == (0, ["schema"])
    assert "Usage: backhaul schema [OPTIONS]" in done.stdout


def test_an_unknown_command_suggests_the_nearest_and_imports_none() -> None:
    code, names, done = _loaded("statsu")

    assert (code, names) == (2, [])
    assert "No such command 'statsu'. Did you mean 'status'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered", "loaded"),
    [
        ("backhaul ", [*COMMANDS, "doctor", "report", "rollup"], []),
        ("backhaul ga", ["gaps"], []),
        ("backhaul schema --outp", ["--output"], ["schema"]),
        ("backhaul plugins ", ["list", "new", "test"], ["plugins"]),
    ],
)
def test_completion_imports_what_the_line_names(
    typed: str, offered: list[str], loaded: list[str]
) -> None:
    asked = {
        "_BACKHAUL_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
    }

    _, names, done = _loaded(**asked)

    assert done.stdout.splitlines()[:-1] == offered
    assert names == loaded


def test_imports_in_functions_have_a_reason() -> None:
    lines = [line for path in CLI.glob("*.py") for line in path.read_text().splitlines()]

    inside = [line for line in lines if line.startswith("    ") and "PLC0415" in line]

    assert all("PLC0415 - " in line for line in inside)
    assert len(inside) <= 12

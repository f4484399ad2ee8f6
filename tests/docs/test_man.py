"""The manual pages are valid, complete, and part of the wheel; each help text has examples."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.docs import man
from tests.docs.pages import command_lines, help_of

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man"


def test_each_command_has_a_page_and_each_page_a_command() -> None:
    names = ["backhaul", *("-".join(("backhaul", *words)) for words in command_lines())]

    assert sorted(path.name for path in MAN.iterdir()) == sorted(f"{name}.1" for name in names)


@pytest.mark.parametrize("path", sorted(MAN.glob("*.1")), ids=lambda path: path.name)
def test_groff_reports_no_problem(path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("needs groff")

    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou", "-ww", path],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
    assert f"NAME {path.stem} - " in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("text", "roff"),
    [("-n", "\\-n"), ("a\\b", "a\\eb"), (".x", "\\&.x"), ("'x", "\\(aqx"), ("`a`", "\\(gaa\\(ga")],
)
def test_text_is_literal_in_a_page(text: str, roff: str) -> None:
    assert man._roff(text) == roff


def test_rows_of_a_help_text_become_tagged_paragraphs() -> None:
    text = "Usage: backhaul x [OPTIONS]\n\n  Do it.\n\nOptions:\n  -a, --all\n            All\n            of it.\n  --b N     B.\n"

    page = man.page(("backhaul", "x"), text, [("backhaul",)])

    assert ".TP\n\\fB\\-a, \\-\\-all\\fR\nAll\nof it.\n.TP\n\\fB\\-\\-b N\\fR\nB.\n" in page
    assert "backhaul-x \\- do it\n" in page


def test_the_wheel_has_the_pages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared["docs/man"] == "share/man/man1"


@pytest.mark.timeout(600)  # runs every command
def test_each_command_has_two_examples() -> None:
    lacking = []
    for words in ((), *command_lines()):
        text = help_of(*words)
        lines = text.partition("  Examples:\n")[2].partition("\n\n")[0].splitlines()
        enough = len([line for line in lines if line.startswith("    backhaul ")]) >= 2
        if not enough:
            lacking.append(words)

    assert lacking == []

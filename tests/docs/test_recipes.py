"""The recipes for schedulers work: what a page shows is the file that is tried here."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.docs.blocks import ROOT, Block
from tests.docs.reader import Reader, load

RECIPES = ROOT / "docs" / "recipes"
INSTALLED = "/opt/backhaul/bin/backhaul"
OURS = str(Path(sys.executable).with_name("backhaul"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """In a folder with ``backhaul.yaml``."""
    with Reader(tmp_path) as one:
        (tmp_path / "hpt.yaml").rename(tmp_path / "backhaul.yaml")
        yield one


def here(command: str, reader: Reader) -> Block:
    """A command of a recipe, with its places those of this machine."""
    text = command.replace(INSTALLED, OURS).replace("/srv/archive", str(reader.folder))
    return Block(RECIPES, 0, "console", text, "")


def test_each_file_is_shown_on_a_page() -> None:
    pages = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    files = [
        path for path in RECIPES.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]

    assert files
    assert [
        str(path) for path in files if f"recipes/{path.relative_to(RECIPES)}" not in pages
    ] == []


def test_cron_runs_its_commands(reader: Reader) -> None:
    lines = (RECIPES / "cron/backhaul.cron").read_text().splitlines()
    entries = [line for line in lines if re.match(r"[\d*]", line)]

    assert len(entries) == 2
    for entry in entries:
        *when, command = entry.split(None, 5)
        assert all(re.fullmatch(r"\*|\d+", field) for field in when)
        assert "%" not in command  # cron would make a line break of it
        reader.try_(here(command, reader))
    assert (reader.folder / "archive/worldcup/MANIFEST.jsonl").exists()


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for name in ("backhaul.service", "backhaul.timer"):
        text = (RECIPES / "systemd" / name).read_text().replace(INSTALLED, OURS)
        (tmp_path / name).write_text(text)

    done = verified(tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

    unit = tmp_path / "backhaul.service"
    unit.write_text(unit.read_text().replace("KillSignal=", "KilSignal="))
    assert "KilSignal" in verified(tmp_path).stderr


def verified(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "verify", *sorted(folder.glob("backhaul.*"))],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_service_runs_its_command(reader: Reader) -> None:
    unit = (RECIPES / "systemd/backhaul.service").read_text()
    (command,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)

    reader.try_(here(command, reader))

    assert (reader.folder / "archive/worldcup/MANIFEST.jsonl").exists()


def test_the_ci_job_runs_its_steps(reader: Reader) -> None:
    workflow = yaml.safe_load((RECIPES / "ci/archive.yaml").read_text())
    summary = reader.folder / "summary"
    reader.env["GITHUB_STEP_SUMMARY"] = str(summary)

    for step in workflow["jobs"]["fetch"]["steps"]:
        assert step["working-directory"] == "/srv/archive"
        reader.try_(here(step["run"], reader))

    assert "worldcup: 6 slots" in summary.read_text()


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("backhaul.yaml")), ids=str)
def test_each_configuration_is_valid(path: Path) -> None:
    assert load(path.read_text()).jobs

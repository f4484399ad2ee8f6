"""The recipes for schedulers work; the pages show the files that are tested here."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests import warm
from tests.docs.blocks import ROOT, Block
from tests.docs.reader import Reader, load

RECIPES = ROOT / "docs" / "recipes"
INSTALLED = "/opt/backhaul/bin/backhaul"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader in a folder with ``backhaul.yaml``."""
    with Reader(tmp_path) as one:
        (tmp_path / "hpt.yaml").rename(tmp_path / "backhaul.yaml")
        yield one


def here(command: str, reader: Reader) -> Block:
    """A command of a recipe, with paths of this machine."""
    text = command.replace(INSTALLED, str(warm.commands() / "backhaul")).replace(
        "/srv/archive", str(reader.folder)
    )
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
    with_password_file(reader)
    lines = (RECIPES / "cron/backhaul.cron").read_text().splitlines()
    entries = [line for line in lines if re.match(r"[\d*]", line)]

    assert len(entries) == 2
    for entry in entries:
        *when, command = entry.split(None, 5)
        assert all(re.fullmatch(r"\*|\d+", field) for field in when)
        assert "%" not in command  # cron would turn it into a line break
        assert "'" not in command
        as_cron = f"env -i HOME={reader.folder} PATH=/usr/bin:/bin sh -c '{command}'"
        reader.try_(here(as_cron, reader))
    assert (reader.folder / "archive/worldcup/MANIFEST.jsonl").exists()


def with_password_file(reader: Reader) -> None:
    """Replaces the configuration by the recipe's own, which reads a file below the home folder."""
    path = reader.folder / "backhaul.yaml"
    emulated = yaml.safe_load(path.read_text())["sources"]["gnip"]
    shown = yaml.safe_load((RECIPES / "cron/backhaul.yaml").read_text())
    assert shown["sources"]["gnip"]["password"] == {"file": "~/.secrets/gnip"}
    shown["sources"]["gnip"]["base_url"] = emulated["base_url"]
    path.write_text(yaml.safe_dump(shown))
    secret = reader.folder / ".secrets/gnip"
    secret.parent.mkdir()
    secret.write_text(emulated["password"])


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for name in ("backhaul.service", "backhaul.timer"):
        text = (
            (RECIPES / "systemd" / name)
            .read_text()
            .replace(INSTALLED, str(warm.commands() / "backhaul"))
        )
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

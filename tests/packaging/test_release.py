"""The release script: a dry run changes nothing; a release is a commit, a tag and a changelog section."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "release.py"
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n### Added\n\n- `run`\n\n## 0.1.0 (2026-01-01)\n\n- first\n"
)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.1.0"\n')
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def release(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *words, "--no-build", "--repository", repository],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_dry_run_shows_the_changes_and_makes_none(repository: Path) -> None:
    before = git(repository, "rev-parse", "HEAD")

    done = release(repository, "0.2.0")

    assert (done.returncode, done.stderr) == (0, "")
    assert '+version = "0.2.0"' in done.stdout
    assert "+## 0.2.0 (" in done.stdout
    assert done.stdout.endswith("dry run: v0.2.0 can be made; --yes makes it\n")
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "tag") == git(repository, "status", "--porcelain") == ""


def test_a_release_is_a_commit_and_a_tag_with_the_changelogs_section(repository: Path) -> None:
    done = release(repository, "0.2.0", "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert git(repository, "log", "--format=%s %an", "-1") == "release 0.2.0 Ada\n"
    assert git(repository, "rev-parse", "v0.2.0^{commit}") == git(repository, "rev-parse", "HEAD")
    message = git(repository, "tag", "--list", "--format=%(contents)", "v0.2.0")
    assert message.strip() == "backhaul 0.2.0\n\n### Added\n\n- `run`"
    assert 'version = "0.2.0"' in (repository / "pyproject.toml").read_text()
    text = (repository / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n\n## Unreleased\n\n## 0.2.0 (")
    assert text.endswith(")\n\n### Added\n\n- `run`\n\n## 0.1.0 (2026-01-01)\n\n- first\n")
    assert "git push origin HEAD v0.2.0" in done.stdout


@pytest.mark.parametrize(
    "remote",
    [
        "git@code.example.org:ada/x.git",
        "ssh://git@code.example.org:2222/ada/x.git",
        "https://code.example.org/ada/x",
    ],
)
def test_the_metadata_has_the_url_of_the_git_remote(repository: Path, remote: str) -> None:
    git(repository, "remote", "add", "origin", remote)

    assert release(repository, "0.2.0", "--yes").returncode == 0

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Homepage"] == "https://code.example.org/ada/x"
    assert project["urls"]["Changelog"].endswith("/ada/x/blob/HEAD/CHANGELOG.md")


def test_a_url_can_be_given_and_is_kept(repository: Path) -> None:
    assert release(repository, "0.2.0", "--yes", "--url", "https://x.example.org/").returncode == 0
    with (repository / "CHANGELOG.md").open("r+") as file:
        file.write(CHANGELOG)
    git(repository, "commit", "--quiet", "--all", "--message", "more")
    assert release(repository, "0.3.0", "--yes", "--url", "https://y.example.org").returncode == 0

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Homepage"] == "https://x.example.org"


@pytest.mark.parametrize("remote", ["", "/srv/git/x.git", "file:///srv/x"])
def test_a_release_without_a_url_is_refused(repository: Path, remote: str) -> None:
    if remote:
        git(repository, "remote", "add", "origin", remote)

    done = release(repository, "0.2.0")

    assert done.returncode == 0
    assert "the metadata names no address" in done.stdout


@pytest.mark.parametrize(
    ("version", "why"),
    [("2", "not a version"), ("0.2.0", "uncommitted changes"), ("0.1.0", "exists already")],
)
def test_an_obstacle_to_the_release_is_named(repository: Path, version: str, why: str) -> None:
    git(repository, "tag", "v0.1.0")
    if "uncommitted" in why:
        (repository / "CHANGELOG.md").write_text("changed")

    done = release(repository, version, "--yes")

    assert done.returncode == 1
    assert why in done.stderr
    assert git(repository, "tag") == "v0.1.0\n"


def test_an_empty_release_is_refused(repository: Path) -> None:
    assert release(repository, "0.2.0", "--yes").returncode == 0

    done = release(repository, "0.3.0", "--yes")

    assert done.returncode == 1
    assert "nothing under '## Unreleased'" in done.stderr
    assert git(repository, "tag") == "v0.2.0\n"

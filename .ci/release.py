#!/usr/bin/env python3
"""Makes a release: the changelog's section, the version, a commit, a tag, and checked distributions.

    .ci/release.py 0.2.0            # tries all of it in a clone, and shows what would change
    .ci/release.py 0.2.0 --yes      # the same, and takes commit and tag over into this repository

The project's URLs in its metadata are those of --url, else of the remote ``origin``.
Nothing is pushed or uploaded; the last lines say how. Needs the packages of the extra ``dev``.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_UNRELEASED = "## Unreleased\n"


class ReleaseError(Exception):
    """The release cannot be made; the message says why."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--yes", action="store_true", help="take commit and tag over")
    parser.add_argument("--url", help="web address of the repository; default: that of origin")
    parser.add_argument("--no-build", action="store_true", help="leave the distributions out")
    parser.add_argument("--repository", type=Path, default=ROOT, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    try:
        release(
            asked.repository,
            asked.version,
            url=asked.url or web_address(asked.repository),
            really=asked.yes,
            build=not asked.no_build,
        )
    except ReleaseError as error:
        sys.stderr.write(f"release: error: {error}\n")
        return 1
    return 0


def release(repository: Path, version: str, *, url: str | None, really: bool, build: bool) -> None:
    """Makes the release in a clone; takes it over if ``really``. Raises ReleaseError."""
    tag = f"v{version}"
    _check(repository, version, tag)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        clone = Path(folder, "clone")
        _run("git", "clone", "--quiet", "--no-hardlinks", str(repository), str(clone))
        notes = prepare(clone, version, f"{datetime.now(UTC):%Y-%m-%d}")
        if url is None:
            _say("the metadata names no address: there is no remote origin; use --url https://...")
        else:
            name_urls(clone / "pyproject.toml", url)
        sys.stdout.write(_run("git", "diff", cwd=clone))
        for key in ("user.name", "user.email"):
            _run(
                "git", "config", key, _run("git", "config", key, cwd=repository).strip(), cwd=clone
            )
        _run("git", "commit", "--quiet", "--all", "--message", f"release {version}", cwd=clone)
        message = f"backhaul {version}\n\n{notes}"
        _run("git", "tag", "--annotate", "--cleanup=verbatim", "--message", message, tag, cwd=clone)
        dist = repository / "dist" if really else Path(folder, "dist")
        if build:
            _build(clone, dist)
        if not really:
            _say(f"dry run: {tag} can be made; --yes makes it")
            return
        _run("git", "pull", "--quiet", "--ff-only", str(clone), "HEAD", cwd=repository)
        _run(
            "git",
            "fetch",
            "--quiet",
            str(clone),
            f"refs/tags/{tag}:refs/tags/{tag}",
            cwd=repository,
        )
    _say(f"{tag} is made. Look at it: git show {tag}")
    _say(f"then: git push origin HEAD {tag}" + (" && twine upload dist/*" if build else ""))


def prepare(folder: Path, version: str, day: str) -> str:
    """Writes the version and the changelog's heading; returns the section. Raises ReleaseError."""
    changelog = folder / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    before, found, after = text.partition(_UNRELEASED)
    section = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not found or not section:
        raise ReleaseError("CHANGELOG.md has nothing under '## Unreleased'")
    changelog.write_text(f"{before}{_UNRELEASED}\n## {version} ({day})\n{after}", "utf-8")
    project = folder / "pyproject.toml"
    text, number = re.subn(
        r'^version = "[^"]*"$',
        f'version = "{version}"',
        project.read_text("utf-8"),
        count=1,
        flags=re.MULTILINE,
    )
    if not number:
        raise ReleaseError("pyproject.toml has no line version = ...")
    project.write_text(text, "utf-8")
    return section


def web_address(repository: Path) -> str | None:
    """Where the remote ``origin`` can be read in a browser; None if nothing says so."""
    remote = _run("git", "config", "--default", "", "remote.origin.url", cwd=repository).strip()
    found = re.fullmatch(
        r"(?:https://|ssh://git@|git@)([\w.-]+\.\w+)(?::\d+)?[:/](.+?)(?:\.git)?/?", remote
    )
    return f"https://{found[1]}/{found[2]}" if found else None


def name_urls(project: Path, url: str) -> None:
    """Writes the project's URLs, unless they are there."""
    text = project.read_text("utf-8")
    if "[project.urls]" in text:
        return
    url = url.rstrip("/")
    urls = {
        "Homepage": url,
        "Documentation": f"{url}/blob/HEAD/docs/index.md",
        "Issues": f"{url}/issues",
        "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
    }
    lines = "".join(f'{name} = "{where}"\n' for name, where in urls.items())
    project.write_text(f"{text.rstrip()}\n\n[project.urls]\n{lines}", "utf-8")


def _check(repository: Path, version: str, tag: str) -> None:
    if _VERSION.fullmatch(version) is None:
        raise ReleaseError(f"{version} is not a version such as 0.2.0 or 0.2.0rc1")
    if _run("git", "status", "--porcelain", "--untracked-files=no", cwd=repository).strip():
        raise ReleaseError("there are uncommitted changes: commit them first")
    if _run("git", "tag", "--list", tag, cwd=repository).strip():
        raise ReleaseError(f"the tag {tag} exists already")


def _build(clone: Path, dist: Path) -> None:
    """Builds the sdist, and the wheel from the sdist; checks both."""
    python = (sys.executable, "-m")
    _run(*python, "build", "--outdir", str(dist), str(clone))
    made = sorted(map(str, dist.glob("backhaul-*")))
    _run(*python, "twine", "check", "--strict", *made)
    wheels = [name for name in made if name.endswith(".whl")]
    _run(*python, "check_wheel_contents", *wheels, cwd=clone)
    for name in made:
        _say(f"built and checked: {name}")


def _run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise ReleaseError(f"{' '.join(words[:4])} ... failed:\n{said}")
    return done.stdout


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())

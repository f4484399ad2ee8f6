"""The site builds without warnings, has no dead link, and loads nothing from elsewhere."""

import importlib.util
import re
from pathlib import Path

import pytest
from tests.docs import commands_api, reference, site

import backhaul
from backhaul import commands

ROOT = Path(__file__).parents[2]
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "providers/README.md")


@pytest.mark.timeout(240)  # seconds, enough on a busy machine; an idle one needs ten
@pytest.mark.matrix
def test_the_site_builds_and_has_no_broken_links(tmp_path: Path) -> None:
    for name in ("sphinx", "myst_parser", "furo"):
        if importlib.util.find_spec(name) is None:
            pytest.skip("pip install 'backhaul[docs]'")

    assert site.build(tmp_path) == []
    assert list(site.problems(tmp_path)) == []
    assert (tmp_path / "index.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', "loads //fonts.example/a.css"),
        ('<img src="a.png">', "loads a.png, which is not there"),
        ('<p style="background: url(http://x.example/a)">', "loads http://x.example/a"),
        ('<a href="gone.html">', "dead link gone.html"),
        ('<a href="#gone">', "dead link #gone: no such heading"),
        ('<a href="other.html#gone">', "dead link other.html#gone: no such heading"),
        ('<a href="other.html#here"><a href="https://elsewhere.example/">', None),
    ],
)
def test_a_planted_problem_is_found(tmp_path: Path, html: str, problem: str | None) -> None:
    (tmp_path / "page.html").write_text(html)
    (tmp_path / "other.html").write_text('<h1 id="here">')

    assert list(site.problems(tmp_path)) == ([f"page.html: {problem}"] if problem else [])


@pytest.mark.parametrize("name", ["a.css", "a.svg"])
def test_style_sheets_and_pictures_load_nothing_from_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("@import 'https://fonts.example/a.css'; b { src: url(a.woff) }")

    assert list(site.problems(tmp_path)) == [f"{name}: loads https://fonts.example/a.css"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_of_pages_outside_the_site_lead_to_files(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text("utf-8"))
    local = [link for link in links if "://" not in link]

    assert [link for link in local if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_guide_has_every_name_for_commands_once() -> None:
    listed = [name for names in commands_api.NAMES.values() for name in names]

    assert sorted(listed) == sorted(commands.__all__)


def test_the_reference_has_every_public_name_once() -> None:
    listed = [name for _, names in reference.NAMES.values() for name in names]

    assert sorted(listed) == sorted(backhaul.__all__)

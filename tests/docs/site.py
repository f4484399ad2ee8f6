"""Builds the site and checks the result: ``python -m tests.docs.site FOLDER``.

Warnings of the build, links to pages or headings that do not exist, and resources from other sites are errors.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

DOCS = Path(__file__).resolve().parents[2] / "docs"
_LOADS = {"src", "srcset", "poster", "data"}  # attributes that make a browser load something
_URL = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


def build(folder: Path) -> list[str]:
    """Builds the site into a folder; returns the warnings."""
    command = [sys.executable, "-m", "sphinx", "-E", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(folder / ".doctrees"), str(DOCS), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    output = (done.stdout + done.stderr).strip().splitlines()
    return output or ([f"sphinx-build: exit code {done.returncode}"] if done.returncode else [])


class _Page(HTMLParser):
    """A page's links, the resources that it loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        self.loads += [given[name] for name in _LOADS & given.keys()]
        self.loads += _URL.findall(given.get("style", ""))
        if "href" in given:
            (self.links if tag == "a" else self.loads).append(given["href"])

    handle_startendtag = handle_starttag


def problems(folder: Path) -> Iterator[str]:
    """Dead links, and resources from other sites, in all pages, style sheets and images of a folder."""
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(folder)
        yield from (f"{name}: loads {problem}" for problem in _not_ours(path, page.loads))
        yield from (f"{name}: dead link {problem}" for problem in _dead(path, pages))
    for path in sorted([*folder.rglob("*.css"), *folder.rglob("*.svg")]):
        for url in filter(_elsewhere, _URL.findall(path.read_text("utf-8"))):
            yield f"{path.relative_to(folder)}: loads {url}"


def _not_ours(path: Path, urls: list[str]) -> Iterator[str]:
    for url in urls:
        if _elsewhere(url):
            yield url
        elif not url.startswith(("data:", "#")) and not _file(path, url).exists():
            yield f"{url}, which is not there"


def _dead(path: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in pages[path].links:
        if urlsplit(link).scheme or link.startswith("//"):
            continue
        target, place = _file(path, link), unquote(urldefrag(link).fragment)
        if not target.is_file():
            yield link
        elif place and target.suffix == ".html" and place not in pages[target].places:
            yield f"{link}: no such heading"


def _elsewhere(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme not in {"", "data"}


def _file(page: Path, link: str) -> Path:
    path = unquote(urlsplit(link).path)
    return (page.parent / path).resolve() if path else page


def main(arguments: list[str]) -> int:
    (folder,) = map(Path, arguments)
    found = [*build(folder), *problems(folder.resolve())]
    sys.stdout.writelines(f"{each}\n" for each in found)
    pages = len(list(folder.rglob("*.html")))
    sys.stdout.write(f"{pages} pages in {folder}, {len(found)} problems\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

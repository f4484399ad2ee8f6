"""The code blocks of a page, and what a comment before one says of how it is tried.

A block of shell, YAML, Python or SQL is run. A comment in the line before it may say

* ``<!-- block: exit 3 -->``: its last command ends with this exit code,
* ``<!-- block: background hpt.yaml -->``: it runs until the page ends; this file shows that it is ready,
* ``<!-- block: needs weed -->``: only where this program is installed,
* ``<!-- block: not run: REASON -->``: its syntax and the options of our command are checked, no more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"^(?:<!-- block: (?P<mark>.+?) -->\n)?(?P<fence>```+)(?P<kind>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block: where it is, in which language, its text, and what is said of it."""

    page: Path
    line: int
    kind: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def says(self, word: str) -> str | None:
        """What follows a word of the mark; None: the mark is another one."""
        first, _, rest = self.mark.partition(word)
        return rest.lstrip(": ") if self.mark and not first else None


def pages() -> list[Path]:
    """The README and each page of the site."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in order; those that are directives of the site's builder are left out."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if not found["kind"].startswith("{"):
            line = text[: found.start("fence")].count("\n") + 1
            yield Block(page, line, found["kind"], found["text"], found["mark"] or "")

"""The code blocks of a page, and the comments that say how to test them.

Blocks of shell, YAML, Python and SQL are run. A comment on the line before may say

* ``<!-- block: exit 3 -->``: its last command exits with this code,
* ``<!-- block: background hpt.yaml -->``: it runs until the end of the page; this file appears when it is ready,
* ``<!-- block: needs weed -->``: only where this program is installed,
* ``<!-- block: not run: REASON -->``: only its syntax and the options of ``backhaul`` are checked.
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
    """A block: its place, language and text, and the comment before it."""

    page: Path
    line: int
    kind: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def argument(self, word: str) -> str | None:
        """The text after a word of the comment; None if the comment starts differently."""
        first, _, rest = self.mark.partition(word)
        return rest.lstrip(": ") if self.mark and not first else None


def pages() -> list[Path]:
    """The README and each page of the site."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in order, without Sphinx directives."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if not found["kind"].startswith("{"):
            line = text[: found.start("fence")].count("\n") + 1
            yield Block(page, line, found["kind"], found["text"], found["mark"] or "")

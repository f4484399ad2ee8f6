"""``python -m tests.docs`` writes the generated documents; ``--check`` checks that they are current."""

import sys
from pathlib import Path

from tests.docs.pages import pages
from tests.installation import outdated

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: list[str]) -> int:
    words = outdated()
    if words:
        sys.stderr.write(f"{words}\n")
        return 1
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if "--check" in arguments and stale:
        sys.stdout.write(f"out of date: {', '.join(stale)}; run python -m tests.docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

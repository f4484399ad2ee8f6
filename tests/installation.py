"""Whether the installed package has the entry points of pyproject.toml: an editable install keeps those of its day."""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def outdated() -> str:
    """What to do if they differ; '' if they do not."""
    wanted = {
        (group, name, value)
        for group, entries in tomllib.loads(PROJECT.read_text())["project"]["entry-points"].items()
        for name, value in entries.items()
    }
    found = {(each.group, each.name, each.value) for each in distribution("backhaul").entry_points}
    missing = ", ".join(sorted(name for _, name, _ in wanted - found))
    return missing and f"{missing}: not installed yet; run: pip install -e . --no-deps"

"""Everything that CONTRIBUTING.md names exists, and its list of folders is complete."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "backhaul"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
STATES = {"pending", "verified"}


def defined() -> set[str]:
    """Names of all classes, functions and type aliases in core, and of the tests' own fixtures."""
    names = {"tmp_path"}  # pytest's
    for path in (*CORE.rglob("*.py"), ROOT / "tests" / "conftest.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names.update(each.id for each in node.targets if isinstance(each, ast.Name))
    return names


def test_modules_and_folders_exist() -> None:
    named = re.findall(r"(?<![\w/.~-])((?:[\w.-]+/)*[\w-]+(?:\.py|\.md|/))(?![\w/])", TEXT)

    missing = [each for each in named if not any((at / each).exists() for at in (ROOT, CORE))]

    assert len(named) > 40
    assert missing == []


def test_names_exist() -> None:
    quoted = re.findall(r"`([A-Za-z_.]+)`", TEXT)
    drawn = re.findall(r"\b(?:[A-Z][a-z]+){2,}(?:\.\w+)?\b", TEXT)
    known = defined()

    words = {part for each in (*quoted, *drawn) if "/" not in each for part in each.split(".")}
    missing = sorted(words - known - STATES - {"py", "backhaul", "mailbox"})

    assert {"WorkUnit", "Destination", "publish", "resolve_files"} <= words
    assert missing == []


def test_the_list_of_folders_is_complete() -> None:
    tree = TEXT.split("```")[3]
    listed = set(re.findall(r"\b(\w+)/", tree))

    folders = {path.parent.name for path in CORE.glob("*/__init__.py")}

    assert folders <= listed

"""Layers: which packages may import which; code that displays imports code that works, never the reverse."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import backhaul
from backhaul import commands

ROOT = Path(backhaul.__file__).parent
PROVIDERS = ROOT.parents[1] / "providers"
# Each may only import those below it.
SHOWS = ("cli", "views", "commands", "notify")
BELOW = {
    "notify": ("doctor", "archive", "transfer", "plugins", "cli", "views", "commands"),
    "doctor": SHOWS,
    "run": ("doctor", *SHOWS),
    "archive": ("doctor", "run", "transfer", "http", *SHOWS),
    "plugins": ("run", "archive", *SHOWS),
    "config": ("run", "archive", *SHOWS),
    "transfer": ("run", "archive", "ledger", *SHOWS),
    "ledger": ("run", "archive", "transfer", *SHOWS),
    "storage": ("run", "archive", "transfer", "ledger", *SHOWS),
    "verify": ("run", "archive", "transfer", "ledger", "storage", *SHOWS),
    "http": ("run", "archive", "transfer", "ledger", "storage", *SHOWS),
    "views": ("cli", "commands"),
}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_no_command_decides() -> None:
    """Commands read options and print results, which are computed below them."""
    held = ("backhaul.storage.lease", "backhaul.run.decide", "backhaul.run.identity")

    found = [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "cli").rglob("*.py"))
        for name in _imports(path)
        if name.startswith(held)
    ]

    assert found == []


@pytest.mark.parametrize("area", BELOW)
def test_no_module_imports_what_stands_above_it(area: str) -> None:
    above = {f"backhaul.{name}" for name in BELOW[area]}
    modules = sorted((ROOT / area).rglob("*.py"))

    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules
        for name in _imports(path)
        if ".".join(name.split(".")[:2]) in above
    ]

    assert modules
    assert found == []


def _outside(folder: str, *spared: str) -> Iterator[Path]:
    """Modules of core and of its packages beside it, less a folder and some others."""
    for path in sorted(ROOT.parent.rglob("*.py")):
        name = path.relative_to(ROOT.parent).as_posix()
        if not name.startswith(f"backhaul/{folder}") and name not in spared:
            yield path


def test_the_command_line_is_imported_by_none_but_what_starts_it_or_hands_it_on() -> None:
    spared = ("backhaul/__main__.py", "backhaul/commands.py")

    found = [
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in [*_outside("cli/", *spared), *sorted(PROVIDERS.rglob("*.py"))]
        for name in _imports(path)
        if name.startswith("backhaul.cli")
    ]

    assert found == []


def test_what_the_api_is_made_of_does_not_know_it() -> None:
    found = [
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in _outside("cli/", "backhaul/__init__.py", "backhaul/commands.py")
        for name in _imports(path)
        if name.startswith("backhaul.api")
    ]

    assert found == []


WINGS = ("backhaul_report", "backhaul_rollup")


@pytest.mark.parametrize("wing", WINGS)
def test_a_command_of_its_own_imports_what_is_exported_and_itself(wing: str) -> None:
    modules = sorted((ROOT.parent / wing).rglob("*.py"))

    found = {
        f"{path.name}: {node.module}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backhaul")
        if node.module not in {"backhaul", "backhaul.commands", *WINGS}
        and not (node.module or "").startswith(f"{wing}.")
    }

    assert modules
    assert found == set()


def test_core_knows_none_of_the_commands_that_others_bring() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in _imports(path)
        if name.startswith(WINGS)
    ]

    assert found == []


def test_what_commands_may_import_is_there() -> None:
    for name in commands.__all__:
        assert getattr(commands, name) is not None
    assert dir(commands) == sorted(commands.__all__)
    assert set(commands._HOME) == set(commands.__all__)


def test_words_for_people_need_nothing_else_of_ours() -> None:
    assert not [name for name in _imports(ROOT / "wording.py") if name.startswith("backhaul")]


OPENS = {
    "backhaul/storage/opening.py": "the one place that opens files of an archive",
    "backhaul/storage/place.py": "folders only",
    "backhaul/storage/umask.py": "/proc",
    "backhaul/ledger/waiting.py": "/proc",
    "backhaul/storage/holders.py": "/proc",
}
BY_PATH = {"read_text", "read_bytes", "write_text", "write_bytes", "touch"}


def _opened_by_path(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called = node.func
        of_os = isinstance(called.value, ast.Name) and called.value.id == "os"
        of_path = called.attr == "open" and any(
            isinstance(each, ast.Constant) and each.value in {"r", "rb", "w", "wb", "a", "ab"}
            for each in node.args
        )
        if (of_os and called.attr == "open") or of_path or called.attr in BY_PATH:
            yield f"{path.relative_to(ROOT.parent)}:{node.lineno}"


def test_files_of_an_archive_are_opened_in_one_place() -> None:
    areas = ("run", "archive", "transfer", "ledger", "storage", "verify", "views")
    folders = [*(ROOT / area for area in areas), ROOT.parent / "backhaul_rollup"]
    modules = [path for folder in folders for path in sorted(folder.rglob("*.py"))]

    found = [
        place
        for path in modules
        if path.relative_to(ROOT.parent).as_posix() not in OPENS
        for place in _opened_by_path(path)
    ]

    assert found == []

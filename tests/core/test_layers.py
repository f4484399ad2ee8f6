"""Layers: which packages may import which; code that displays imports code that works, never the reverse."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from tests.imports import imports

import backhaul
from backhaul import commands

ROOT = Path(backhaul.__file__).parent
PROVIDERS = ROOT.parents[1] / "providers"
# Each may only import those below it.
SHOWS = ("cli", "views", "commands", "notify")
BELOW = {
    "notify": ("archive", "transfer", "plugins", "cli", "views", "commands"),
    "run": SHOWS,
    "archive": ("run", "transfer", "http", *SHOWS),
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
    for node in imports(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_commands_import_no_decisions() -> None:
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
def test_no_module_imports_from_a_layer_above_it(area: str) -> None:
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


def test_only_the_entry_points_and_the_exports_import_the_command_line() -> None:
    spared = ("backhaul/__main__.py", "backhaul/commands.py")

    found = [
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in [*_outside("cli/", *spared), *sorted(PROVIDERS.rglob("*.py"))]
        for name in _imports(path)
        if name.startswith("backhaul.cli")
    ]

    assert found == []


def test_the_modules_under_the_api_do_not_import_it() -> None:
    found = [
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in _outside("cli/", "backhaul/__init__.py", "backhaul/commands.py")
        for name in _imports(path)
        if name.startswith("backhaul.api")
    ]

    assert found == []


WINGS = ("backhaul_doctor", "backhaul_report", "backhaul_rollup")


@pytest.mark.parametrize("wing", WINGS)
def test_a_separate_command_imports_only_exports_and_its_own_package(wing: str) -> None:
    modules = sorted((ROOT.parent / wing).rglob("*.py"))

    found = {
        f"{path.name}: {node.module}"
        for path in modules
        for node in imports(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backhaul")
        if node.module not in {"backhaul", "backhaul.commands", *WINGS}
        and not (node.module or "").startswith(f"{wing}.")
    }

    assert modules
    assert found == set()


def test_core_does_not_know_separate_commands() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in _imports(path)
        if name.startswith(WINGS)
    ]

    assert found == []


def test_the_exports_for_commands_exist() -> None:
    for name in commands.__all__:
        assert getattr(commands, name) is not None
    assert dir(commands) == sorted(commands.__all__)
    assert sorted(chain.from_iterable(commands._NAMES.values())) == sorted(commands.__all__)


def test_each_export_for_commands_is_used() -> None:
    used = {
        name.removeprefix("backhaul.commands.")
        for wing in WINGS
        for path in sorted((ROOT.parent / wing).rglob("*.py"))
        for name in _imports(path)
    }

    assert sorted(set(commands.__all__) - used) == []


def test_no_module_has_more_than_400_lines() -> None:
    folders = [path for path in ROOT.parent.iterdir() if path.name.startswith("backhaul")]
    modules = [path for folder in (*folders, PROVIDERS) for path in folder.rglob("*.py")]

    found = [
        f"{path.name}: {lines}"
        for path in modules
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    ]

    assert len(modules) > 300
    assert found == []


def test_wording_imports_nothing_else_of_backhaul() -> None:
    assert not [name for name in _imports(ROOT / "wording.py") if name.startswith("backhaul")]


OPENS = {
    "backhaul/transfer/processes/fork_server.py": "/dev/null",
    "backhaul/storage/opening.py": "the one place that opens files of an archive",
    "backhaul/storage/place.py": "folders only",
    "backhaul/storage/open_folder.py": "/proc",
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

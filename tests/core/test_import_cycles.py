"""Modules import each other without cycles: at the top, in functions and for type checkers."""

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from tests.imports import imports

import backhaul


def _modules(package: Path) -> dict[str, Path]:
    """A package's modules by full name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _names(node: ast.AST) -> list[tuple[str, str]]:
    """What a node imports: pairs of name and module."""
    if isinstance(node, ast.ImportFrom):
        assert node.module, "imports name modules in full"
        assert not node.level, "imports name modules in full"
        return [(f"{node.module}.{each.name}", node.module) for each in node.names]
    if isinstance(node, ast.Import):
        return [(each.name, each.name) for each in node.names]
    return []


def _imports(package: Path) -> Mapping[str, set[str]]:
    """Which modules of a package each of them imports."""
    modules = _modules(package)
    return {
        module: {
            whole if whole in modules else within
            for node in imports(path)
            for whole, within in _names(node)
            if within in modules
        }
        for module, path in modules.items()
    }


def _cycle(package: Path) -> list[str]:
    """An import cycle; empty if there is none."""
    try:
        TopologicalSorter(_imports(package)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_of_core_import_each_other_in_a_cycle() -> None:
    package = Path(backhaul.__file__).parent

    assert len(_modules(package)) > 200
    assert _cycle(package) == []


@pytest.mark.parametrize("wing", ["backhaul_doctor", "backhaul_report", "backhaul_rollup"])
def test_no_modules_of_a_separate_command_import_each_other_in_a_cycle(wing: str) -> None:
    package = Path(backhaul.__file__).parents[1] / wing

    assert _modules(package)
    assert _cycle(package) == []


A_CYCLE = {
    "at the top": "from package import one\n",
    "by its full name": "import package.one\n",
    "for type checkers": "if TYPE_CHECKING:\n    from package.one import Thing\n",
    "where something else fails": "try:\n    import x\nexcept ImportError:\n    import package.one\n",
    "in a function": "def two():\n    import package.one\n",
    "in a class": "class Two:\n    from package.one import Thing\n",
}


@pytest.mark.parametrize("text", A_CYCLE.values(), ids=A_CYCLE)
def test_a_cycle_is_found_wherever_its_imports_are(tmp_path: Path, text: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from package.two import Two\n")
    (package / "two.py").write_text(text)

    assert sorted(set(_cycle(package))) == ["package.one", "package.two"]

"""Names that commands load when they run."""

import ast
import inspect

import pytest

from backhaul.cli import library


def _declared() -> dict[str, str]:
    """The names that type checkers see, with their homes."""
    tree = ast.parse(inspect.getsource(library))
    lines = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    return {
        name.asname: f"{line.module}:{name.name}"
        for line in lines
        for name in line.names
        if name.asname is not None
    }


def test_a_name_is_what_type_checkers_take_it_for() -> None:
    declared = _declared()

    assert declared.pop("discovery") == "backhaul.plugins:discovery"
    assert {**declared, "discovery": "backhaul.plugins.discovery"} == library._HOME
    assert all(getattr(library, name) is not None for name in library._HOME)


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        library.other  # type: ignore[attr-defined]  # noqa: B018 - there is none

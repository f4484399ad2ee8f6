"""Names that commands load when they run."""

import ast
import inspect

import pytest

from backhaul.cli import library


def _declared() -> set[tuple[str, str]]:
    """The names that type checkers see, and their homes."""
    tree = ast.parse(inspect.getsource(library))
    lines = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    return {
        (str(line.module), name.name)
        for line in lines
        for name in line.names
        if name.asname == name.name
    }


def test_a_name_is_what_type_checkers_see() -> None:
    loaded = {(home, name) for home, names in library._NAMES.items() for name in names}

    assert loaded == _declared()
    assert all(getattr(library, name) is not None for _, name in loaded)


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        library.other  # type: ignore[attr-defined]  # noqa: B018 - there is none

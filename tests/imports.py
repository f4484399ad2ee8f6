"""What modules import, read once."""

import ast
from functools import cache
from pathlib import Path


@cache
def imports(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """A module's import statements: at the top, in functions and for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom))

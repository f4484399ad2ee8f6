"""Names of a module that are imported when they are first used."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def names(
    module: str, homes: Mapping[str, Iterable[str]], renamed: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A module's ``__getattr__`` and ``__dir__`` (PEP 562).

    Args:
        module: its name.
        homes: the names by the module that they come from; a name may be a module of that package.
        renamed: the new names of names that no longer exist.
    """
    home = {name: origin for origin, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if renamed is not None and name in renamed:
            raise ImportError(f"{module}.{name} is now {renamed[name]}")
        if name not in home:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        origin = import_module(home[name])
        try:
            value = getattr(origin, name)
        except AttributeError:
            value = import_module(f"{home[name]}.{name}")
        setattr(sys.modules[module], name, value)
        return value

    return load, lambda: sorted(home)

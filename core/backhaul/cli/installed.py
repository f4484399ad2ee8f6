"""Commands of other packages: the entry points of the group ``backhaul.commands``.

Listing them imports nothing: neither a command, nor ``importlib.metadata``, which would take as long as
the rest of ``backhaul --help``.
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from backhaul.errors import PluginError

GROUP = "backhaul.commands"


class Installed(NamedTuple):
    """A command of another package.

    Attributes:
        name: the command's name.
        value: where it is: ``module:attribute``.
        package: the distribution that provides it.
    """

    name: str
    value: str
    package: str

    def summary(self) -> str:
        """The first line of the function's docstring, taken from the module's compiled code."""
        try:
            text = _docstring(self.value)
        except Exception:  # noqa: BLE001 - calling the command reports what is wrong with the module
            text = None
        return next(iter((text or "").strip().splitlines()), f"A command of {self.package}.")

    def load(self) -> Any:
        """Loads the entry point. Raises PluginError if it cannot be imported."""
        module, _, attribute = self.value.partition(":")
        try:
            return reduce(getattr, attribute.split("."), import_module(module))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            from backhaul.plugins.facade import describe  # noqa: PLC0415 - seldom

            raise PluginError(f"{self.label}: cannot be imported: {describe(error)}") from error

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"command {self.name!r} of {self.package}"


def installed() -> dict[str, list[Installed]]:
    """All commands of other packages, by name; duplicate names are a conflict."""
    found: defaultdict[str, list[Installed]] = defaultdict(list)
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path):
        for package, path in _metadata(folder or os.curdir):
            if package in seen:
                continue  # the first on sys.path is the one that is imported
            seen.add(package)
            for name, value in _entries(path):
                found[name].append(Installed(name, value, package))
    return dict(found)


def _metadata(folder: str) -> Iterator[tuple[str, str]]:
    """Distributions in a folder: the name of each, and where its entry points would be."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - for ``--help``, which a Path per entry would slow down
    except OSError:  # sys.path may name missing folders and archives
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            package = re.sub(r"[-_.]+", "-", name.rpartition(".")[0].partition("-")[0]).lower()
            yield package, os.path.join(folder, name, "entry_points.txt")  # noqa: PTH118 - one per package


def _entries(path: str) -> Iterator[tuple[str, str]]:
    """Names and values of our group in a file of entry points; nothing if the file does not exist."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - one per package
            text = file.read()
    except OSError:  # most distributions have no entry points
        return
    if GROUP not in text:
        return
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == f"[{GROUP}]" and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            yield name.strip(), value.partition("[")[0].strip()


def _docstring(value: str) -> str | None:
    module, _, attribute = value.partition(":")
    for constant in _code(module).co_consts:
        if isinstance(constant, CodeType) and constant.co_name == attribute:
            return FunctionType(constant, {}).__doc__
    return None


def _code(module: str) -> CodeType:
    """A module's code, without importing it or a package that it is in. Raises ImportError."""
    name, search, spec = "", None, None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        found = (each.find_spec(name, search) for each in sys.meta_path)
        spec = next((each for each in found if each is not None), None)
        search = None if spec is None else spec.submodule_search_locations
    code = getattr(spec and spec.loader, "get_code", lambda _: None)(module)
    if not isinstance(code, CodeType):
        raise ImportError(f"no code found for {module}")  # noqa: TRY004 - as for a failed import
    return code

"""``backhaul plugins test NAME``: the contract suite on an installed provider."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from backhaul.errors import ConfigError, PluginError
from backhaul.hookspecs import EMULATORS
from backhaul.plugins.discovery import Plugins, entry_points

_MODULE = '''"""The contract of the provider {name}."""

from backhaul.plugins.discovery import entry_points
from backhaul.testing import ProviderContract


class TestContract(ProviderContract):
    emulator = entry_points("{group}")["{name}"].load()
'''


def run_contract(name: str, arguments: Sequence[str] = ()) -> int:
    """Run the contract suite on the provider of that name; its output goes to stdout.

    Args:
        name: the provider's, as in YAML.
        arguments: more of them for pytest.

    Returns:
        pytest's exit status: 0 when the contract is kept.

    Raises:
        PluginError: no such provider, or it is broken, or it has no emulator.
        ConfigError: pytest or werkzeug is not installed.
    """
    Plugins().load(name)
    if name not in entry_points(EMULATORS):
        raise PluginError(
            f"the provider {name!r} has no emulator: name one in its pyproject.toml under"
            f' [project.entry-points."{EMULATORS}"]'
        )
    for module in ("pytest", "werkzeug"):
        if find_spec(module) is None:
            raise ConfigError(f"{module} is not installed: pip install 'backhaul[demo]' pytest")
    import pytest  # noqa: PLC0415 - wanted here only, and no dependency of the tool

    with TemporaryDirectory(prefix="backhaul-contract-") as folder:
        # Nothing of the folder in which the user happens to stand may change the outcome.
        path = Path(folder) / "test_contract.py"
        path.write_text(_MODULE.format(name=name, group=EMULATORS), encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        options = [f"--rootdir={folder}", f"-c{folder}/pytest.ini", "-q", "-p", "no:cacheprovider"]
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            return int(pytest.main([*options, *arguments, os.fspath(path)]))
        finally:
            sys.dont_write_bytecode = before

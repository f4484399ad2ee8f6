"""``backhaul plugins test NAME``: runs the contract suite on an installed provider."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from backhaul.errors import BackhaulError, ConfigError, PluginError
from backhaul.extras import how_to_install
from backhaul.foreign import line
from backhaul.hookspecs import EMULATORS
from backhaul.plugins.discovery import Plugins, entry_points
from backhaul.plugins.facade import describe

log = logging.getLogger(__name__)

_MODULE = '''"""The contract of the provider {name}."""

from backhaul.plugins.discovery import entry_points
from backhaul.testing import ProviderContract


class TestContract(ProviderContract):
    emulator = entry_points("{group}")["{name}"].load()
'''


def _check_basics(name: str) -> None:
    """Check what all tests depend on. Raises PluginError with the cause of the first failure.

    Otherwise every test would fail for the same reason.
    """
    from backhaul.testing.contract import BASICS, ProviderContract  # noqa: PLC0415 - needs pytest

    label = f"the contract of {name!r}"
    try:
        emulator = entry_points(EMULATORS)[name].load()
        contract = type("TestContract", (ProviderContract,), {"emulator": emulator})()
    except Exception as error:
        log.debug("traceback of the emulator", exc_info=True)
        raise PluginError(f"{label}: the emulator cannot be loaded: {describe(error)}") from None
    for check in BASICS:
        try:
            getattr(contract, check)()
        except Exception as error:
            log.debug("traceback of %s", check, exc_info=True)
            message = error.message if isinstance(error, BackhaulError) else describe(error)
            cause = line(message.removeprefix("AssertionError: "))
            raise PluginError(f"{label}: {check}: {cause}") from None


def run_contract(name: str, arguments: Sequence[str] = ()) -> int:
    """Run the contract suite on the provider of that name; its output goes to stdout.

    Args:
        name: the provider's, as in YAML.
        arguments: additional arguments for pytest.

    Returns:
        pytest's exit status: 0 if the contract suite passed.

    Raises:
        PluginError: the provider does not exist, is broken, has no emulator, or fails a basic
            check: the message is the cause of the first failure.
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
            raise ConfigError(f"{module} is not installed: {how_to_install('demo')} pytest")
    _check_basics(name)
    import pytest  # noqa: PLC0415 - wanted here only, and no dependency of the tool

    with TemporaryDirectory(prefix="backhaul-contract-") as folder:
        # The current folder must not influence the result.
        path = Path(folder) / "test_contract.py"
        path.write_text(_MODULE.format(name=name, group=EMULATORS), encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        options = [f"--rootdir={folder}", f"-c{folder}/pytest.ini", "-q", "-p", "no:cacheprovider"]
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            return int(pytest.main([*options, *arguments, os.fspath(path)]))
        finally:
            sys.dont_write_bytecode = before

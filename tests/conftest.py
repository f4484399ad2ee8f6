"""Makes helper modules importable, and undoes process-wide effects of commands."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from backhaul import redact

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
if sys.dont_write_bytecode:  # each subprocess would compile everything it imports
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        ROOT / ".pytest_cache" / "compiled"
    )
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it may have been -B

# Example durations depend on the shared machine.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# Signals ignored because of nohup or a shell's "&" would be ignored by each command too.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """More than the number of cores: most tests wait for a server, a process or a clock."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(2 * cores + 1, cores + 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the long mode have a quarter of an hour, unless they set their own limit."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Undoes what a command does to the process as a whole."""
    root, chatty = logging.getLogger(), logging.getLogger("urllib3")
    loggers = [(each, each.level, each.filters[:]) for each in (root, chatty, *root.handlers)]
    handlers = list(root.handlers)
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    redactor = redact.redact.__self__
    secrets = redactor._forms, set(redactor._known)
    yield
    redactor._forms, redactor._known = secrets
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    for each, level, filters in loggers:
        each.setLevel(level)
        each.filters[:] = filters
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks

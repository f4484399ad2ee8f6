"""Makes helper modules importable, and undoes process-wide effects of commands."""

import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.seaweed import Store

gc.disable()  # collecting tests makes objects that stay
ROOT = Path(__file__).parents[1]
_MEMORY = "/dev/shm"
_ENOUGH = 8 << 30  # free bytes; the tests use one or two GiB
sys.path.insert(0, str(ROOT))
if sys.dont_write_bytecode:  # each process would compile everything it imports
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        ROOT / ".pytest_cache" / "compiled"
    )
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it may have been -B

from hypothesis import HealthCheck, settings  # noqa: E402 - pytest compiles it too
from tests.installation import outdated  # noqa: E402 - from the folder that is now importable
from tests.soon import soon  # noqa: E402

from backhaul import defaults, redact  # noqa: E402

# Example durations depend on the shared machine.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# Signals ignored because of nohup or a shell's "&" would be ignored by each command too.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--workers N`` or ``auto``: the number of processes of runs that do not set it themselves."""
    parser.addoption("--workers", help="default of settings.workers in this run")


def pytest_configure(config: pytest.Config) -> None:
    """Stops before the first test if the installed entry points are not those of this tree."""
    if not hasattr(config, "workerinput") and (words := outdated()):
        raise pytest.UsageError(words)
    whole = any(".py" in word for word in config.args)
    if whole and config.option.markexpr == "not slow and not matrix":
        config.option.markexpr = "not slow"  # files that are named run with all their cases
    workers = config.getoption("--workers")
    if workers is not None:
        use_workers(workers)
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        # A disk syncs each of thousands of archives. PYTEST_DEBUG_TEMPROOT=/tmp tests on one.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)


def use_workers(workers: str) -> None:
    """Changes the default here, and in commands that tests start (see sitecustomize.py there)."""
    default = int(workers) if workers.isdecimal() else workers
    setattr(defaults, "WORKERS", default)  # noqa: B010 - Final for everyone else
    os.environ["BACKHAUL_TEST_WORKERS"] = workers
    paths = [str(ROOT / "tests" / "with_workers"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def pytest_xdist_auto_num_workers() -> int:
    """More than the number of cores: most tests wait for a server, a process or a clock."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(3 * cores + 1, cores + 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the long mode have a quarter of an hour, unless they set their own limit."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


def pytest_collection_finish() -> None:
    """Leaves thousands of tests out of each garbage collection."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Undoes what commands do to the process in fixtures of a whole module or session."""
    with _undoing():
        return (yield)


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Undoes what commands do to the process in a test, which pytest's own handlers see."""
    redactor = redact.redact.__self__
    secrets = redactor._forms, set(redactor._known)
    with _undoing():
        yield
    redactor._forms, redactor._known = secrets


@pytest.fixture(autouse=True)
def _no_store_left_open() -> Iterator[None]:
    """A store that stays open would pass its failures on to the next run in the process."""
    yield
    bucket = sys.modules.get("backhaul.storage.stores.bucket")
    assert bucket is None or soon(lambda: not bucket.in_use()), bucket.in_use()


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """pytest's, whose name a later test may have again: what Python compiled of its modules goes too."""
    yield tmp_path
    if sys.pycache_prefix:
        shutil.rmtree(Path(sys.pycache_prefix, *tmp_path.parts[1:]), ignore_errors=True)


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Store]":
    """A running SeaweedFS, shared by a module's tests; each has its own prefix."""
    from tests.seaweed import seaweed  # noqa: PLC0415 - few tests need a store

    with seaweed(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder that is not in memory, unlike ``tmp_path``, if this tree is not."""
    (ROOT / ".pytest_cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".pytest_cache") as folder:
        yield Path(folder)


@contextmanager
def _undoing() -> Iterator[None]:
    root, chatty = logging.getLogger(), logging.getLogger("urllib3")
    loggers = [(each, each.level, each.filters[:]) for each in (root, chatty, *root.handlers)]
    handlers = list(root.handlers)
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    for each, level, filters in loggers:
        each.setLevel(level)
        each.filters[:] = filters
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks

"""The threads of runs, which end with them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.soon import SOON

_others: set[threading.Thread] = set()


@contextmanager
def of_this_test() -> Iterator[None]:
    """Leaves out the threads that other tests of this process have left."""
    _others.clear()
    _others.update(threading.enumerate())
    yield


def assert_no_threads() -> None:
    """All threads of the test's runs have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("backhaul-") and thread not in _others:
            thread.join(SOON)
            assert not thread.is_alive(), thread

"""The Python API against emulators on real sockets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backhaul.testing import Emulator
from backhaul.testing.serve import emulator

Served = Callable[..., dict[str, Any]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Starts an emulator; returns a configuration of its example jobs, as a mapping."""
    running: list[Emulator] = []

    def start(provider: str = "gnip-hpt", **settings: Any) -> dict[str, Any]:
        one = emulator(provider, **settings).start()
        running.append(one)
        return {
            "version": 1,
            "settings": {"dest": tmp_path / "archive", "retries": 1},
            "sources": {"account": dict(one.source())},
            "jobs": {name: {"source": "account", **keys} for name, keys in one.jobs().items()},
        }

    yield start
    for one in running:
        one.stop()

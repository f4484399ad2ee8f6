"""An engine and a sink that keeps what came, for tests that need no provider."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backhaul.secret import Secret
from backhaul.storage.folder import JobFolder
from backhaul.transfer.engine import Engine
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, Problem, RemoteFile, Request


class Collected:
    """What an engine said: ``data`` and ``failures`` by the file's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = JobFolder(folder, durable=False)
        self.data: dict[str, bytes | None] = {}
        self.failures: dict[str, Failure] = {}

    def folder(self, job: str) -> JobFolder:
        del job
        return self._folder

    def check(self, transfer: Transfer, content: Content) -> Problem | None:
        del transfer, content

    def arrived(
        self, transfer: Transfer, content: Content, data: bytes | None, validator: str | None
    ) -> None:
        del content, validator
        self.data[transfer.file.name] = data

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        self.failures[transfer.file.name] = failure

    def stale(self, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        del gained
        self.failures[transfer.file.name] = failure


def fetch(
    folder: Path, urls: Mapping[str, str], auth: tuple[str, Secret] | None = None, **settings: Any
) -> Collected:
    """Fetches files by name, as plain bytes; 20 seconds at most."""
    sink = Collected(folder)
    engine = Engine(sink, **{"connections": 4, "connections_per_host": 4, "retries": 0, **settings})
    try:
        for name, url in urls.items():
            file = RemoteFile(name, url, content="bytes")
            engine.submit(Transfer("job", file, Request(url, auth=auth)))
        end = time.monotonic() + 20
        while engine.busy and time.monotonic() < end:
            engine.turn(0.5)
    finally:
        engine.stop()
        engine.close()
    return sink

"""An engine and a sink that keeps what came, for tests that need no provider."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from backhaul.secret import Secret
from backhaul.storage.folder import JobFolder
from backhaul.transfer.engine import Engine
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, Problem, Proof, RemoteFile, Request


class Collected:
    """What an engine said: ``data``, ``proofs`` and ``failures`` by the file's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = JobFolder(folder, durable=False)
        self.data: dict[str, bytes | None] = {}
        self.proofs: dict[str, Proof] = {}
        self.failures: dict[str, Failure] = {}

    def folder(self, job: str) -> JobFolder:
        del job
        return self._folder

    def check(self, transfer: Transfer, content: Content) -> Problem | None:
        del transfer, content

    def checks(self, transfer: Transfer) -> bool:
        del transfer
        return False

    def arrived(
        self,
        transfer: Transfer,
        content: Content,
        data: bytes | None,
        validator: str | None,
        *,
        proof: int,
    ) -> None:
        del content, validator
        self.data[transfer.file.name] = data
        self.proofs[transfer.file.name] = Proof(proof)

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        self.failures[transfer.file.name] = failure

    def rejected(
        self, transfer: Transfer, failure: Failure, own: Collection[str]
    ) -> Callable[[bytes | None], None] | None:
        del transfer, failure, own
        return None

    def stale(self, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        del gained
        self.failures[transfer.file.name] = failure


def fetch(
    folder: Path,
    urls: Mapping[str, str],
    auth: tuple[str, Secret] | None = None,
    *,
    content: str = "bytes",
    listed: Mapping[str, Any] | None = None,
    unproven: bool = False,
    **settings: Any,
) -> Collected:
    """Fetches files by name; 20 seconds at most.

    Args:
        folder: where parts go.
        urls: by name.
        auth: of the requests.
        content: what the files hold.
        listed: what is known of each file beside its name.
        unproven: whether files are kept of which nothing shows where they end.
        settings: the engine's.
    """
    sink = Collected(folder)
    engine = Engine(sink, **{"connections": 4, "connections_per_host": 4, "retries": 0, **settings})
    try:
        for name, url in urls.items():
            file = RemoteFile(name, url, content=content, **(listed or {}))
            engine.submit(Transfer("job", file, Request(url, auth=auth), unproven=unproven))
        end = time.monotonic() + 20
        while engine.busy and time.monotonic() < end:
            engine.turn(0.5)
    finally:
        engine.stop()
        engine.close()
    return sink

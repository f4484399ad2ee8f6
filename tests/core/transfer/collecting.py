"""An engine, and what came of it, for tests that need no provider."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backhaul.secret import Secret
from backhaul.storage.folder import JobFolder
from backhaul.storage.workspace import PART
from backhaul.transfer.context import JobContext
from backhaul.transfer.engine import Engine
from backhaul.transfer.outcome import Done, Failed, Stale
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Proof, RemoteFile, Request


class Collected:
    """What an engine said: ``data``, ``proofs`` and ``failures`` by the file's name.

    Of files that were small ``data`` is what was verified; of others it is None, and in their parts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = JobFolder(folder, durable=False)
        self.context = JobContext(self.folder)
        self.data: dict[str, bytes | None] = {}
        self.proofs: dict[str, Proof] = {}
        self.failures: dict[str, Failure] = {}

    def new_engine(self, *jobs: str, **settings: Any) -> Engine:
        """One that knows of the jobs."""
        made = Engine(**{"connections": 4, "connections_per_host": 4, "retries": 0, **settings})
        for job in jobs or ("job",):
            made.begin(job, self.context)
        return made

    def turn(self, engine: Engine, timeout: float) -> None:
        """One turn of an engine, and what came of it."""
        engine.turn(timeout)
        self.take(engine)

    def take(self, engine: Engine) -> None:
        """What has come of it so far."""
        for outcome in engine.take():
            if isinstance(outcome, Done):
                name = outcome.transfer.file.name
                part = self.folder.path / f"{name}{PART}"
                self.data[name] = None if outcome.opened else part.read_bytes()
                self.proofs[name] = Proof(outcome.proof)
            elif isinstance(outcome, Failed | Stale):
                self.failures[outcome.transfer.file.name] = outcome.failure


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
    engine = sink.new_engine(**settings)
    try:
        for name, url in urls.items():
            file = RemoteFile(name, url, content=content, **(listed or {}))
            engine.submit(Transfer("job", file, Request(url, auth=auth), unproven=unproven))
        end = time.monotonic() + 20
        while engine.busy and time.monotonic() < end:
            sink.turn(engine, 0.5)
    finally:
        engine.stop()
        engine.close()
    sink.take(engine)
    return sink

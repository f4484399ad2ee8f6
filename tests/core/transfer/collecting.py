"""An engine that collects its outcomes, for tests without a provider."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backhaul.config import Settings
from backhaul.secret import Secret
from backhaul.storage.folder import JobFolder
from backhaul.storage.workspace import PART
from backhaul.transfer.body import State
from backhaul.transfer.context import JobContext
from backhaul.transfer.engine import Engine
from backhaul.transfer.outcome import Done, Failed, Stale
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Proof, RemoteFile, Request


def held(engine: Engine) -> int:
    """Number of transfers of the job that wait for its release."""
    return len(engine._queues.paused.get("job", ()))


def under_way(engine: Engine) -> set[str]:
    """Names of the job's files that have started and have neither failed nor been published."""
    states = (State.ACTIVE, State.BACKOFF, State.VERIFYING, State.PUBLISHING)
    return engine._table.names("job", states)


class Collected:
    """Outcomes of an engine: ``data``, ``proofs`` and ``failures`` by file name.

    For small files, ``data`` is the verified data; for others it is None, as the data is in their parts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = JobFolder(folder, durable=False)
        self.context = JobContext(self.folder)
        self.data: dict[str, bytes | None] = {}
        self.proofs: dict[str, Proof] = {}
        self.failures: dict[str, Failure] = {}

    def new_engine(self, *jobs: str, **settings: Any) -> Engine:
        """An engine that knows these jobs."""
        made = Engine(
            Settings(**{"connections": 4, "connections_per_host": 4, "retries": 0, **settings})
        )
        for job in jobs or ("job",):
            made.begin(job, self.context)
        return made

    def turn(self, engine: Engine, timeout: float) -> None:
        """One turn of an engine, collecting its outcomes."""
        engine.turn(timeout)
        self.take(engine)

    def take(self, engine: Engine) -> None:
        """Collects the outcomes so far."""
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
    """Fetches files by name, within 20 seconds.

    Args:
        folder: where parts are stored.
        urls: by name.
        auth: credentials of the requests.
        content: content of the files.
        listed: further properties of each file.
        unproven: whether to keep files whose end nothing proves.
        settings: the engine's settings.
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

"""A session in a worker, without a cluster."""

import asyncio
import logging
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.cluster.fetched import after
from tests.soon import SOON

from backhaul.config.settings import Settings
from backhaul.storage.location import Location
from backhaul.transfer.cluster import session as cluster_session
from backhaul.transfer.cluster.session import RemoteJob, Session, Start, this_process
from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.processes.work import needed


class Counting(Session):
    """Counts how often it looks for something to say, and notes what it obeys."""

    looks = 0

    def execute(self, name: str, values: Sequence[Any]) -> None:
        self.names = [*getattr(self, "names", []), name]
        if name not in {"begin", "submit"}:
            super().execute(name, values)

    def look(self) -> None:
        self.looks += 1
        super().look()


@contextmanager
def opened(folder: Path) -> Iterator[Counting]:
    """A session on the running loop."""
    start = Start("run", "run-0", needed(Settings()), 4, 1, logging.WARNING, this_process())
    session = Counting(start, folder / "scratch", asyncio.get_running_loop())
    try:
        yield session
    finally:
        session.close()


def test_an_exchange_without_messages_waits_instead_of_polling(
    tmp_path: Path,
) -> None:
    async def exchanges() -> int:
        with opened(tmp_path) as session:
            session._put("log", "backhaul", logging.INFO, "a message", 0.0)
            found = await session.exchange([])
            while ("log", "backhaul", logging.INFO, "a message", 0.0) not in found:
                found = await session.exchange([])
            # What announced the message may arrive after it was taken.
            session._arrived.set()
            session.looks = 0
            await session.exchange([])
            return session.looks

    assert asyncio.run(exchanges()) < 10


def test_an_exchange_ends_at_once_when_the_driver_has_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended() -> list[tuple[Any, ...]]:
        with opened(tmp_path) as session:
            await session.exchange([])  # its first figures
            monkeypatch.setattr(cluster_session, "_HOLD", 3600.0)
            waiting = asyncio.create_task(session.exchange([]))
            await asyncio.sleep(0)
            session.hurry()
            return await asyncio.wait_for(waiting, SOON)

    assert asyncio.run(ended()) == []


def test_a_unit_waits_until_the_worker_has_its_share_of_the_limits(tmp_path: Path) -> None:
    unit = WorkUnit("job", ())

    async def obeyed() -> list[str]:
        with opened(tmp_path) as session:
            taking = asyncio.to_thread(session.take, "job", b"", unit)
            task = asyncio.create_task(taking)
            await asyncio.to_thread(after, lambda: "job" in session._open, bool)
            session.execute("share", (1, 1, None))
            await task
            return session.names

    assert asyncio.run(obeyed()) == ["share", "begin", "submit"]


def test_a_job_may_end_while_its_session_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteJob("job", Location.of_folder(tmp_path / "archive"), None, None, 0)

    async def messages() -> list[tuple[Any, ...]]:
        with opened(tmp_path) as session:
            monkeypatch.setattr(
                cluster_session, "mark_ended", lambda _: session.execute("end", ("job",))
            )
            Session.execute(session, "begin", ("job", pickle.dumps(remote)))
            session.close()
            found: list[tuple[Any, ...]] = []
            while ("closed",) not in found:
                found += await session.exchange([])
            return found

    assert [each for each in asyncio.run(messages()) if each[0] == "crashed"] == []
